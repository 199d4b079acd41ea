"""What tests share about hand-overs whose outcome nobody knows."""

from purveyor.orders.models import Order
from purveyor.providers.models import Fulfilment, HandoverEvidence
from purveyor.simulator.behaviours import Behaviour, Fault

QUANTITY = 700
NOTHING_EXECUTED = (
    Fault.DROP_WITHOUT_ACCEPTING,
    Fault.ERROR_500_BEFORE_ACCEPTING,
    Behaviour(fault=Fault.HTML_PAGE, accepts=False),
)
EXECUTED = (
    Fault.ACCEPT_THEN_DROP,
    Fault.ERROR_500_AFTER_ACCEPTING,
    Fault.HTML_PAGE,
    Fault.TRUNCATED_JSON,
    Fault.EMPTY_BODY,
)


def fulfilment_of(order: Order) -> Fulfilment:
    """The one hand-over of an order."""
    return Fulfilment.objects.get(order=order)


def evidence_of(order: Order) -> str:
    """What was found out about it."""
    return HandoverEvidence.objects.get(fulfilment__order=order).text
