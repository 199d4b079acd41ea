"""What the simulated provider sells: neutral, honest services with every order type of protocol §3.1."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from purveyor.catalog.order_types import OrderType

FIRST_SERVICE_ID: Final = 1
RATE_STEP: Final = Decimal("0.00001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A row of the provider's price list."""

    id: str
    name: str
    type: OrderType
    category: str
    rate: Decimal
    """Price per 1000; of a package type, price per order."""
    minimum: int
    maximum: int
    dripfeed: bool = False
    refill: bool = False
    refill_days: int = 30
    """Days after completion in which a refill can be asked for, where `refill` is true."""
    cancel: bool = False


def _offer(
    name: str,
    rate: str,
    limits: tuple[int, int],
    flags: str = "",
    type: OrderType = OrderType.DEFAULT,
) -> tuple[str, str, tuple[int, int], str, OrderType]:
    """Describe one service; `flags` are any of `d` drip-feed, `r` refill, `c` cancel."""
    return name, rate, limits, flags, type


_OFFERS: Final = {
    "Sponsored placements": (
        _offer("Sponsored placement on a trade portal [views]", "1.20", (100, 100_000), "drc"),
        _offer("Sponsored placement on regional news sites [views]", "2.45", (500, 50_000), "dc"),
        _offer("Sponsored story in a shopping guide [reads]", "4.80", (50, 20_000), "rc"),
        _offer("Sponsored placement, premium slots [views]", "6.755", (50, 10_000), "r"),
        _offer(
            "Highlighted contributor article, placed by its editor [views]",
            "3.10",
            (20, 5_000),
            "dc",
            OrderType.COMMENT_LIKES,
        ),
        _offer(
            "Directory mentions of a list of companies [views]", "2.90", (50, 20_000), "", OrderType.MENTIONS
        ),
    ),
    "Newsletters": (
        _offer("Newsletter slot, weekly business digest [recipients]", "3.40", (100, 40_000), "c"),
        _offer("Newsletter slot, daily technology digest [recipients]", "2.95", (100, 60_000), "dc"),
        _offer("Newsletter slot, gardening and home [recipients]", "1.85", (50, 25_000), "rc"),
        _offer(
            "Sponsored slot in each new issue of a newsletter [recipients]",
            "2.60",
            (10, 5_000),
            "c",
            OrderType.SUBSCRIPTIONS,
        ),
        _offer(
            "Sponsored slot in each new podcast episode page [views]",
            "1.95",
            (10, 5_000),
            "c",
            OrderType.SUBSCRIPTIONS,
        ),
        _offer(
            "Mention to a partner newsletter's opted-in readers [recipients]",
            "4.15",
            (50, 10_000),
            "",
            OrderType.MENTIONS_USER_FOLLOWERS,
        ),
    ),
    "Display campaigns": (
        _offer("Ad impressions, run of network", "0.42", (1_000, 1_000_000), "drc"),
        _offer("Ad impressions, business sites", "0.90", (1_000, 500_000), "dc"),
        _offer("Ad impressions, video pre-roll", "5.25", (500, 200_000), "dr"),
        _offer("Ad impressions, economy", "0.0875", (1_000, 5_000_000), "c"),
        _offer(
            "Ad impressions on pages about one topic tag",
            "1.15",
            (500, 100_000),
            "",
            OrderType.MENTIONS_HASHTAG,
        ),
        _offer(
            "Consented website visits from a display campaign",
            "0.785",
            (100, 1_000_000),
            "dc",
            OrderType.WEB_TRAFFIC,
        ),
        _offer(
            "Consented website visits, selected publishers", "1.60", (100, 250_000), "", OrderType.WEB_TRAFFIC
        ),
    ),
    "Language and transcription": (
        _offer("Transcription, interview recordings [minutes]", "620.00", (1, 10_000), "c"),
        _offer("Transcription, conference recordings [minutes]", "840.00", (1, 5_000), "rc"),
        _offer("Translation, general text [words]", "58.00", (50, 100_000), "rc"),
        _offer("Translation, legal text [words]", "115.50", (50, 50_000), "r"),
        _offer("Subtitles from a transcript [minutes]", "310.00", (1, 2_000), "c"),
        _offer("Translation of one landing page, fixed price", "18.50", (1, 1), "rc", OrderType.PACKAGE),
        _offer(
            "Press release written from your notes, fixed price",
            "24.00",
            (1, 1),
            "c",
            OrderType.CUSTOM_COMMENTS_PACKAGE,
        ),
    ),
    "Surveys and research": (
        _offer("Survey answers, general panel", "95.00", (10, 20_000), "drc"),
        _offer("Survey answers, professional panel", "240.00", (10, 5_000), "c"),
        _offer("Survey answers to your own questions", "130.00", (1, 2_000), "dc", OrderType.CUSTOM_COMMENTS),
        _offer(
            "Written product feedback on your own prompts", "165.00", (1, 500), "", OrderType.CUSTOM_COMMENTS
        ),
        _offer("Panel interviews with people who gave one answer", "310.00", (5, 1_000), "", OrderType.POLL),
        _offer(
            "Follow-up survey of an earlier campaign's respondents",
            "175.00",
            (10, 5_000),
            "",
            OrderType.MENTIONS_MEDIA_LIKERS,
        ),
        _offer("Keyword research report on your keywords [rows]", "12.40", (10, 50_000), "c", OrderType.SEO),
    ),
    "Events, directories and support": (
        _offer("Directory listing, company profile [directories]", "450.00", (1, 500), "rc"),
        _offer("Event invitations by post, general list", "780.00", (10, 5_000), "c"),
        _offer(
            "Event invitations to your own guest list",
            "640.00",
            (1, 2_000),
            "",
            OrderType.MENTIONS_CUSTOM_LIST,
        ),
        _offer(
            "Event invitations to members of your own groups",
            "520.00",
            (5, 5_000),
            "",
            OrderType.INVITES_FROM_GROUPS,
        ),
        _offer(
            "Trade press outreach to your contacts, by topic",
            "215.00",
            (5, 1_000),
            "",
            OrderType.MENTIONS_WITH_HASHTAGS,
        ),
        _offer(
            "Help-desk replies in your company's name, your texts",
            "145.00",
            (1, 1_000),
            "",
            OrderType.COMMENT_REPLIES,
        ),
    ),
}


def standard() -> dict[str, Service]:
    """The catalogue as the provider starts with it, by service id."""
    offers = ((category, offer) for category, offers in _OFFERS.items() for offer in offers)
    services: dict[str, Service] = {}
    for number, (category, (name, rate, (minimum, maximum), flags, kind)) in enumerate(
        offers, FIRST_SERVICE_ID
    ):
        service = Service(
            id=str(number),
            name=name,
            type=kind,
            category=category,
            rate=Decimal(rate),
            minimum=minimum,
            maximum=maximum,
            dripfeed="d" in flags,
            refill="r" in flags,
            cancel="c" in flags,
        )
        services[service.id] = service
    return services


def rows(services: Iterable[Service]) -> list[dict[str, str | bool]]:
    """The reply to `services`, keys in the order live panels use, the id as text as they have it (§4.1)."""
    return [
        {
            "service": service.id,
            "name": service.name,
            "type": service.type.value,
            "rate": rate_text(service.rate),
            "min": str(service.minimum),
            "max": str(service.maximum),
            "dripfeed": service.dripfeed,
            "refill": service.refill,
            "cancel": service.cancel,
            "category": service.category,
        }
        for service in services
    ]


def rate_text(rate: Decimal) -> str:
    """A rate as live panels print it: at least two decimals, further zeros trimmed."""
    whole, _, decimals = f"{rate:f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"
