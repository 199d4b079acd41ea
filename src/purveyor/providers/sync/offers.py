"""What a provider's service would be as one of ours: pure functions of how it is listed."""

from decimal import Decimal
from typing import Final

from purveyor.catalog.models import LARGEST_QUANTITY
from purveyor.catalog.order_types import FORMS, OrderType
from purveyor.providers.costs.margin import Terms, true_cost
from purveyor.providers.models import Provider, ProviderService
from purveyor.providers.sync.pricing import LARGEST_RATE, PricingRule, rate_for

LARGEST_SANE_RATE: Final = Decimal(10) ** 9
"""Per 1000, in the provider's currency. Panels price rows that are notices, not services, at 10^12."""
LONGEST_NAME_CHARACTERS: Final = 255
UNNAMED_CATEGORY: Final = "Other"

_TYPES: Final = {order_type.value.lower(): order_type for order_type in OrderType}


def order_type_named(name: str) -> OrderType | None:
    """The order type that a provider means, also by an identifier like `custom_comments`."""
    return _TYPES.get(" ".join(name.lower().replace("_", " ").split()))


def terms_of(provider: Provider) -> Terms:
    """What a unit of the provider's currency costs us."""
    return Terms(
        fx_rate=provider.fx_rate,
        top_up_bonus_percent=provider.top_up_bonus_percent,
        fee_percent=provider.fee_percent,
    )


def our_rate(rate: Decimal, *, terms: Terms, rule: PricingRule) -> Decimal | None:
    """The rate by the rule for a provider's rate in its own currency; None where no price is meant by it."""
    if not 0 < rate <= LARGEST_SANE_RATE:
        return None
    ours = rate_for(true_cost(rate, terms=terms), rule=rule)
    return ours if ours < LARGEST_RATE else None


def our_limits(offer: ProviderService, order_type: OrderType) -> tuple[int, int] | None:
    """The smallest and largest quantity, None where they make no sense.

    A package is one, whatever its row says (protocol §4.1).
    """
    if FORMS[order_type].is_package:
        return 1, 1
    if offer.min is None or offer.max is None:
        return None
    limits = offer.min, min(offer.max, LARGEST_QUANTITY)
    return limits if 1 <= limits[0] <= limits[1] else None


def our_name(name: str) -> str:
    """A provider's name of a service or category, as long as ours may be."""
    return name[:LONGEST_NAME_CHARACTERS]


def our_category(name: str) -> str:
    """The category of ours that bears the name of a provider's."""
    return our_name(name) or UNNAMED_CATEGORY


def our_dripfeed(offer: ProviderService, order_type: OrderType) -> bool:
    """Whether a service of this type may be dripped: the offer says so, and the type has it."""
    return offer.dripfeed and FORMS[order_type].dripfeed
