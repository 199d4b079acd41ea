"""The actions of API v2 as the public page tells them: parameters, and the protocol's own example replies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise
"""Words for people; a Promise is translated when the page is rendered."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter of a call."""

    name: str
    meaning: Text
    value: str = ""
    """The one value it has here, such as an action's name."""
    sample: str = ""
    """A value for the example request."""
    required: bool = True

    @property
    def sent(self) -> str:
        """What the example request sends."""
        return self.value or self.sample


@dataclass(frozen=True, kw_only=True)
class Action:
    """A call of the API with its example reply."""

    anchor: str
    title: Text
    summary: Text
    parameters: Sequence[Parameter]
    reply: Any
    """The example reply, as JSON has it: order of keys and types are part of the protocol."""
    notes: Sequence[Text] = ()


KEY: Final = Parameter(name="key", meaning=_("Your API key"), sample="YOUR_API_KEY")


def _called(action: str, *parameters: Parameter) -> tuple[Parameter, ...]:
    return (KEY, Parameter(name="action", meaning="", value=action), *parameters)


def _id(name: str, meaning: Text, sample: str) -> Parameter:
    return Parameter(name=name, meaning=meaning, sample=sample)


_ORDER = _id("order", _("Order ID"), "23501")
_ORDERS = _("Order IDs (separated by a comma, up to 100 IDs)")
_REFILLS = _("Refill IDs (separated by a comma, up to 100 IDs)")
_INCORRECT_ORDER: Final[Mapping[str, str]] = {"error": "Incorrect order ID"}

SERVICE_LIST: Final = Action(
    anchor="services",
    title=_("Service list"),
    summary=_("Every service you can order, at your own prices, in one reply."),
    parameters=_called("services"),
    reply=[
        {
            "service": 1,
            "name": "Followers",
            "type": "Default",
            "category": "First Category",
            "rate": "0.90",
            "min": "50",
            "max": "10000",
            "refill": True,
            "cancel": True,
        },
        {
            "service": 2,
            "name": "Comments",
            "type": "Custom Comments",
            "category": "Second Category",
            "rate": "8",
            "min": "10",
            "max": "1500",
            "refill": False,
            "cancel": True,
        },
    ],
    notes=(
        _("`rate` is the price of 1000, or of one order for the types Package and Custom Comments Package."),
        _("`dripfeed` (true or false) is also given: whether the service takes `runs` and `interval`."),
        _("`type` says which parameters an order takes. Read fields by name: their order may vary."),
    ),
)

ADD_ORDER: Final = Action(
    anchor="add",
    title=_("Add order"),
    summary=_("Places an order and debits its charge from your balance, both or neither."),
    parameters=_called(
        "add",
        Parameter(name="service", meaning=_("Service ID"), sample="1"),
    ),
    reply={"order": 23501},
    notes=(_("The reply is the order’s ID, also for a drip-feed or a subscription."),),
)

ORDER_STATUS: Final = Action(
    anchor="status",
    title=_("Order status"),
    summary=_("Where one order stands."),
    parameters=_called("status", _ORDER),
    reply={
        "charge": "0.27819",
        "start_count": "3572",
        "status": "Partial",
        "remains": "157",
        "currency": "USD",
    },
    notes=(
        _("`charge` is what the order costs you now: after a refund it is less than you paid at first."),
        _("`start_count` is 0 until it was counted. `remains` is what is still to be delivered."),
    ),
)

MULTIPLE_ORDERS_STATUS: Final = Action(
    anchor="multiple-status",
    title=_("Multiple orders status"),
    summary=_("Where up to 100 orders stand, in one call: far quicker than one by one."),
    parameters=_called("status", _id("orders", _ORDERS, "1,10,100")),
    reply={
        "1": {
            "charge": "0.27819",
            "start_count": "3572",
            "status": "Partial",
            "remains": "157",
            "currency": "USD",
        },
        "10": _INCORRECT_ORDER,
        "100": {
            "charge": "1.44219",
            "start_count": "234",
            "status": "In progress",
            "remains": "10",
            "currency": "USD",
        },
    },
)

CREATE_REFILL: Final = Action(
    anchor="refill",
    title=_("Create refill"),
    summary=_("Asks to make up for a later drop of a completed order, where the service offers refills."),
    parameters=_called("refill", _ORDER),
    reply={"refill": "1"},
)

CREATE_MULTIPLE_REFILL: Final = Action(
    anchor="multiple-refill",
    title=_("Create multiple refill"),
    summary=_("The same for up to 100 orders. An order that is refused does not stop the others."),
    parameters=_called("refill", _id("orders", _ORDERS, "1,2,3")),
    reply=[
        {"order": 1, "refill": 1},
        {"order": 2, "refill": 2},
        {"order": 3, "refill": _INCORRECT_ORDER},
    ],
)

REFILL_STATUS: Final = Action(
    anchor="refill-status",
    title=_("Get refill status"),
    summary=_("Where a refill stands."),
    parameters=_called("refill_status", _id("refill", _("Refill ID"), "1")),
    reply={"status": "Completed"},
)

MULTIPLE_REFILL_STATUS: Final = Action(
    anchor="multiple-refill-status",
    title=_("Get multiple refill status"),
    summary=_("Where up to 100 refills stand."),
    parameters=_called("refill_status", _id("refills", _REFILLS, "1,2,3")),
    reply=[
        {"refill": 1, "status": "Completed"},
        {"refill": 2, "status": "Rejected"},
        {"refill": 3, "status": {"error": "Refill not found"}},
    ],
)

CREATE_CANCEL: Final = Action(
    anchor="cancel",
    title=_("Create cancel"),
    summary=_("Asks to stop up to 100 orders."),
    parameters=_called("cancel", _id("orders", _ORDERS, "9,2")),
    reply=[{"order": 9, "cancel": _INCORRECT_ORDER}, {"order": 2, "cancel": 1}],
    notes=(
        _("`1` means that the request was taken, not that the order has ended: its status tells that."),
        _("What was not delivered is refunded by itself."),
    ),
)

USER_BALANCE: Final = Action(
    anchor="balance",
    title=_("User balance"),
    summary=_("What you can spend."),
    parameters=_called("balance"),
    reply={"balance": "100.84292", "currency": "USD"},
)

DRIP_FEED_REPLY: Final = {"status": "In progress", "runs": "2", "orders": ["23502", "23503"]}
SUBSCRIPTION_REPLY: Final = {
    "status": "Active",
    "expiry": "2030-12-31",
    "posts": "1",
    "orders": ["23504"],
    "old_orders": [],
}

ACTIONS: Final = (
    SERVICE_LIST,
    ADD_ORDER,
    ORDER_STATUS,
    MULTIPLE_ORDERS_STATUS,
    CREATE_REFILL,
    CREATE_MULTIPLE_REFILL,
    REFILL_STATUS,
    MULTIPLE_REFILL_STATUS,
    CREATE_CANCEL,
    USER_BALANCE,
)
"""In the order of the protocol's own page."""
