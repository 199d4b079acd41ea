"""An order between its being written down and its outcome."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from purveyor.providers.standing.standing import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """An order on its way: its fulfilment and attempt are committed, the request may leave."""

    order_id: int
    fulfilment_id: int
    attempt_id: int
    provider: Standing
    fields: dict[str, str]
    """What is sent, without the key."""
    cost: Decimal
    """Expected, in panel currency."""
    usual: timedelta | None
    """What such orders usually take; None is not known."""
