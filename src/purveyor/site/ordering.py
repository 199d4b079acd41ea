"""What an order of each type consists of, for the public page: made from the forms that placing reads."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.text import format_lazy, slugify
from django.utils.translation import gettext_lazy as _

from purveyor.catalog.order_types import FORMS, OrderForm, OrderType, QuantityFrom
from purveyor.orders.models import LONGEST_IDEMPOTENCY_KEY
from purveyor.site.reference import ADD_ORDER, Parameter, Text

SAMPLES: Final = {
    "answer_number": "2",
    "comments": "A clear and useful guide\nThanks, this answered my question",
    "country": "US",
    "delay": "30",
    "device": "5",
    "expiry": "31/12/2030",
    "google_keyword": "ceramic tiles",
    "groups": "https://example.com/groups/1\nhttps://example.com/groups/2",
    "hashtag": "ceramics",
    "hashtags": "ceramics\ninteriors",
    "interval": "60",
    "keywords": "ceramic tiles\nfloor tiles",
    "link": "https://example.com/tiles",
    "max": "200",
    "media": "https://example.com/media/7",
    "min": "100",
    "old_posts": "5",
    "posts": "10",
    "quantity": "100",
    "referring_url": "https://example.com/",
    "runs": "3",
    "type_of_traffic": "3",
    "username": "example_shop",
    "usernames": "example_shop\nexample_studio",
}
"""A value for every field, for the example requests."""

_QUANTITY_NOTES: Final[Mapping[QuantityFrom, Text]] = {
    QuantityFrom.FIELD: "",
    QuantityFrom.LINES: _(
        "The number of lines is the quantity: `quantity` itself is not needed, and ignored when sent."
    ),
    QuantityFrom.ONE: _(
        "An order is one package at the service’s rate. `quantity` is not needed, and ignored when sent."
    ),
    QuantityFrom.POSTS: _(
        "There is no link and no quantity: each post gets its own order, between `min` and `max`."
    ),
}

_MORE: Final = {OrderType.SUBSCRIPTIONS: "subscriptions", OrderType.WEB_TRAFFIC: "web-traffic"}
"""The part of the page that tells more about a type."""

_LINK: Final = Parameter(name="link", meaning=_("Link to the page"), sample=SAMPLES["link"])
_QUANTITY: Final = Parameter(
    name="quantity",
    meaning=_("Needed quantity, within the service’s `min` and `max`"),
    sample=SAMPLES["quantity"],
)
_DRIP_FEED: Final = (
    Parameter(name="runs", meaning=_("Drip-feed: how many times to deliver"), required=False),
    Parameter(name="interval", meaning=_("Drip-feed: minutes between two runs"), required=False),
)
IDEMPOTENCY_KEY: Final = Parameter(
    name="idempotency_key",
    meaning=format_lazy(
        _("A reference of your own, up to {limit} characters: asking again places no second order"),
        limit=LONGEST_IDEMPOTENCY_KEY,
    ),
    required=False,
)


@dataclass(frozen=True, kw_only=True)
class TypeReference:
    """How to order a service of one type."""

    type: OrderType
    anchor: str
    parameters: Sequence[Parameter]
    own: Sequence[str]
    """The names that make this type different: what to send beside key, action and service."""
    note: Text
    more: str
    """The anchor of the part that tells more; empty where there is none."""


def _parameters(form: OrderForm) -> Iterator[Parameter]:
    """Every parameter of an order with this form, the protocol's own ones first."""
    yield from ADD_ORDER.parameters
    if form.link:
        yield _LINK
    if form.quantity is QuantityFrom.FIELD:
        yield _QUANTITY
    for field in form.fields:
        # An optional field is left out of the example request.
        sample = SAMPLES[field.name] if field.required else ""
        # The words stand in the catalogue, which knows no languages; here they meet a reader.
        yield Parameter(name=field.name, meaning=_(field.meaning), required=field.required, sample=sample)
    if form.dripfeed:
        yield from _DRIP_FEED


def _type_reference(form: OrderForm) -> TypeReference:
    parameters = (*_parameters(form), IDEMPOTENCY_KEY)
    common = {parameter.name for parameter in (*ADD_ORDER.parameters, IDEMPOTENCY_KEY)}
    return TypeReference(
        type=form.type,
        anchor=f"add-{slugify(form.type)}",
        parameters=parameters,
        own=[parameter.name for parameter in parameters if parameter.name not in common],
        note=_QUANTITY_NOTES[form.quantity],
        more=_MORE.get(form.type, ""),
    )


ORDER_TYPES: Final = tuple(_type_reference(form) for form in FORMS.values())
"""In the order of the protocol's own table."""

WEB_TRAFFIC_CHOICES: Final = [
    field for field in FORMS[OrderType.WEB_TRAFFIC].fields if field.name in {"device", "type_of_traffic"}
]
"""The fields whose meaning is a list of numbers."""
