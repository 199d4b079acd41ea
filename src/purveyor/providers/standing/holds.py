"""Why an order waits: the reasons a person reads, and which of them end by themselves."""

from enum import StrEnum
from typing import Final

from purveyor.orders.refusals import NobodyFinishes


class Hold(StrEnum):
    """A reason that ends by itself: when a provider can be used again, or has a price that can be paid."""

    OUT_OF_FUNDS = "The provider is out of funds"
    KEY_REFUSED = "The provider refuses our key"
    UNREACHABLE = "The provider is unreachable"
    NO_USABLE_ANSWER = "The provider gives no usable answers"
    SLOW_DOWN = "The provider asked us to wait"
    SWITCHED_OFF = "The provider is switched off"
    NO_PROVIDER = "No provider for this service"
    BELOW_MARGIN = "What it was sold for leaves too little over at every provider"
    PRICE_IN_DOUBT = "The provider charges more than it lists; its prices are read again first"
    REFILL_UNDER_WAY = "Nobody knows yet whether another provider has taken a refill of it"
    SAME_LINK = "The provider still works on an order with this link"


RELEASED_WHEN_USABLE: Final = tuple(reason.value for reason in Hold if reason is not Hold.SAME_LINK)
SAME_LINK_WAIT_SECONDS: Final = 300
"""Until an order whose link was busy at the provider is tried again; doubled at each further refusal."""
LONGEST_SAME_LINK_WAIT_SECONDS: Final = 6 * 3600

NOT_ACCEPTED: Final = "No provider accepts it: {text}"
"""Of an order that ends Canceled, in words its customer can read; `text` is a provider's."""

NOBODY_FINISHES: Final = NobodyFinishes().text
"""Of an order that ends Partial, or Canceled when nothing was delivered."""

ABSURD_COST: Final = "The provider's price for it is absurdly high"
NOT_WRITABLE: Final = "Its hand-over could not be written down; see the log"
"""Both of orders that wait for staff."""

REFUSED: Final = "Refused by the provider: {text}"
"""Of an order that waits for staff."""

LONGEST_REASON_CHARACTERS: Final = 200
