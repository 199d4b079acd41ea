"""What becomes of orders whose hand-over surely did not happen."""

from typing import Any, Final

from purveyor.orders.cancelling import cancel_undelivered
from purveyor.orders.models import Dispatch, OrderKind
from purveyor.orders.queue import hold, requeue
from purveyor.providers.elsewhere.finishing import leave_to_earlier
from purveyor.providers.elsewhere.refilling import give_refill_back
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import Refused
from purveyor.providers.standing.holds import LONGEST_REASON_CHARACTERS, REFUSED, Hold
from purveyor.providers.standing.standing import Setback

SETBACKS: Final = {
    RefusalClass.FUNDS: Setback.OUT_OF_FUNDS,
    RefusalClass.KEY: Setback.KEY_REFUSED,
    RefusalClass.RATE: Setback.SLOW_DOWN,
    RefusalClass.NOT_SENT: Setback.UNREACHABLE,
}
"""Refusals that are about the provider as a whole, not about the order."""
_BACK_TO_QUEUE: Final = frozenset(
    {
        *SETBACKS,
        RefusalClass.GIVEN_BACK,
        RefusalClass.NOT_PLACED,
        RefusalClass.SERVICE,
        RefusalClass.LINK,
        RefusalClass.QUANTITY,
    }
)


def give_back(order: Any, refused: Refused, *, refill_id: int | None) -> None:
    """What becomes of an order whose hand-over surely did not happen, as `lock_order` gave it.

    A rest on which whoever left it is at work again is theirs, and so is a wish to cancel it. Otherwise a
    customer who asked to cancel meanwhile gets just that, and a rest that was delivered meanwhile needs
    nobody any more. Of all others the queue decides again, which knows the provider's standing and the routes
    left; a busy link waits, and words we cannot read wait for staff. With a refill, which is not the order's
    delivery, the order stays as it is.
    """
    if refill_id is not None:
        give_refill_back(refill_id=refill_id, refused=refused)
        return
    if order.dispatch != Dispatch.HANDED or leave_to_earlier(order.id):
        return
    needs_nobody = order.kind == OrderKind.ORDER and order.remains == 0
    if order.cancel_wanted or needs_nobody:
        cancel_undelivered(order_id=order.id, kind=OrderKind(order.kind))
    elif refused.refusal in _BACK_TO_QUEUE:
        requeue([order.id])
    elif refused.refusal is RefusalClass.DUPLICATE:
        hold([order.id], reason=Hold.SAME_LINK)
    else:
        hold([order.id], reason=REFUSED.format(text=refused.text)[:LONGEST_REASON_CHARACTERS])
