"""Wishes to cancel an order that several deliver go to whoever has it now."""

from datetime import timedelta
from decimal import Decimal

import pytest

from purveyor.catalog.models import FinishRest
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.models import CancelRequest, CancelStatus, Order, Status
from purveyor.providers.elsewhere.finishing import finish_elsewhere
from purveyor.providers.models import Provider
from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import Refused
from purveyor.providers.tasks import cancels
from purveyor.providers.tasks.cancels import CancelWish, claim_cancels, record_cancel
from tests.committed import committed
from tests.providers.elsewhere.test_finishing import accept, ordered, sold, tell
from tests.providers.elsewhere.test_rest_plans import after_many_others, read_whole

pytestmark = pytest.mark.django_db

TOO_LATE = Refused(RefusalClass.SERVICE, "Too late")


def wish(order: Order) -> None:
    assert request_cancels([(order.customer_id, order.pk)]) == [None]


def told() -> CancelWish:
    """The one wish that is due to be told."""
    providers = list(Provider.objects.values_list("pk", flat=True))
    (due,) = claim_cancels(provider_ids=providers, lease=timedelta(minutes=1))
    return due


def test_a_wish_that_the_first_refused_is_made_again_of_the_second() -> None:
    order = ordered(sold("4.00", "5.00"))
    first = accept("1")
    wish(order)
    record_cancel(told(), TOO_LATE)
    tell(first, "Partial", 250)
    second = accept("2")
    wish(order)
    due = told()
    assert due.fulfilment_id == second.pk
    record_cancel(due, TOO_LATE)
    assert CancelRequest.objects.get().status == CancelStatus.REFUSED
    wish(order)
    record_cancel(told(), True)  # noqa: FBT003  (the provider's yes)
    order = tell(second, "Canceled", 250)
    assert (order.status, order.refunded) == (Status.PARTIAL, Decimal("2.5"))
    assert CancelRequest.objects.get().status == CancelStatus.DONE


def test_a_wish_that_the_first_took_but_came_too_late_is_made_again_of_the_second() -> None:
    order = ordered(sold("4.00", "5.00", finish_rest=FinishRest.ASK))
    first = accept("1")
    wish(order)
    record_cancel(told(), True)  # noqa: FBT003  (the provider's yes)
    tell(first, "Completed", 0)
    assert CancelRequest.objects.get().status == CancelStatus.REFUSED
    assert tell(first, "Partial", 250).status == Status.PARTIAL
    assert finish_elsewhere(order_id=order.pk) is None
    second = accept("2")
    wish(order)
    assert told().fulfilment_id == second.pk


@committed
def test_wishes_are_found_however_many_orders_there_were() -> None:
    order = ordered(sold("4.00", "5.00"))
    tell(accept("1"), "Partial", 250)
    accept("2")
    wish(order)
    after_many_others(order)
    statements = cancels._SQL  # noqa: SLF001  (the statements themselves)
    assert read_whole(statements["let_go_of_cancels"], {}) == set()
    assert read_whole(statements["adopt_cancels"], {}) == set()
