"""Why an order, a refill or a cancel is refused. A refusal knows the words that a customer reads.

    Refusal
    ├── IncorrectRequest, CommentsMissing
    ├── AccountSuspended
    ├── IncorrectServiceId
    ├── BadLink
    ├── QuantityTooSmall, QuantityTooLarge
    ├── DripFeedNotOffered, IntervalRequired, RunsRequired
    ├── DuplicateLink, IdempotencyKeyReused
    ├── NotEnoughFunds
    ├── IncorrectOrderId
    ├── RefillDisabled, OrderNotCompleted, RefillTooSoon, RefillDaysOver, RefillNotFound
    ├── RestNotOffered, NothingLeft, NobodyFinishes
    ├── CancelDisabled, CancelAlreadyRequested, OrderAlreadyFinished (below IncorrectOrderId)
    ├── NotFed, SubscriptionEnded, NothingDelivers
    └── SomethingWentWrong

The docstring of each class is its text (protocol §6.2, the recommended one), with the attributes filled in;
`key` is the word of panels that answer in keys, where one is attested.
"""

import inspect
import re
from typing import Any, ClassVar


class Refusal(Exception):
    """Incorrect request"""

    key_name: ClassVar[str] = ""
    told_people: ClassVar[str] = ""

    def __init__(self, **facts: Any) -> None:
        super().__init__(facts)
        self.facts = facts

    @property
    def text(self) -> str:
        """The words a person reads."""
        return (inspect.getdoc(type(self)) or "").format(**self.facts)

    @property
    def key(self) -> str:
        """The word for programs; the text where no key is attested."""
        return self.key_name or self.text

    @property
    def code(self) -> str:
        """Its name for programs of our own, such as refill_too_soon. It never changes."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()

    @property
    def reason(self) -> str:
        """Why, on pages and in commands: where the protocol's one text hides the reason, the reason."""
        return self.told_people or self.text

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Refusal) and type(other) is type(self) and self.facts == other.facts

    def __hash__(self) -> int:
        return hash((type(self), tuple(sorted(self.facts.items()))))


class IncorrectRequest(Refusal):
    """Incorrect request"""


class CommentsMissing(Refusal):
    """Comments field is required"""

    key_name = "neworder.error.comment"


class AccountSuspended(Refusal):
    """Your account is inactive"""

    key_name = "neworder.error.account_banned"


class IncorrectServiceId(Refusal):
    """Incorrect service ID"""

    key_name = "error.incorrect_service_id"


class BadLink(Refusal):
    """Bad link"""

    key_name = "neworder.error.link"


class QuantityTooSmall(Refusal):
    """Quantity less than minimal {minimum}"""

    key_name = "neworder.error.min_quantity"


class QuantityTooLarge(Refusal):
    """Quantity more than maximum {maximum}"""

    key_name = "neworder.error.max_quantity"


class DripFeedNotOffered(Refusal):
    """This services does not support Dripfeed feature!"""


class IntervalRequired(Refusal):
    """Interval time is required"""


class RunsRequired(Refusal):
    """Runs is required"""


class DuplicateLink(Refusal):
    """You have active order with this link. Please wait until order being completed."""

    key_name = "neworder.error.link_duplicate"


class IdempotencyKeyReused(Refusal):
    """This idempotency key was used for another order"""


class NotEnoughFunds(Refusal):
    """Not enough funds on balance"""

    key_name = "neworder.error.not_enough_funds"


class IncorrectOrderId(Refusal):
    """Incorrect order ID"""

    key_name = "error.incorrect_order_id"


class RefillDisabled(Refusal):
    """Refill is disabled for this service"""


class OrderNotCompleted(Refusal):
    """The order is not completed"""


class RefillTooSoon(Refusal):
    """The order was completed or refill was requested less than 24 hours ago"""


class RefillDaysOver(Refusal):
    """Refill days are over"""


class RefillNotFound(Refusal):
    """Refill not found"""

    key_name = "error.incorrect_refill_id"


class CancelRefused(IncorrectOrderId):
    """Incorrect order ID"""

    # The only text that the protocol has for a refused cancel (§6.2). Pages tell `reason`.


class CancelDisabled(CancelRefused):
    """Incorrect order ID"""

    told_people = "Orders of this service cannot be canceled"


class CancelAlreadyRequested(CancelRefused):
    """Incorrect order ID"""

    told_people = "A cancel was asked for already"


class OrderAlreadyFinished(CancelRefused):
    """Incorrect order ID"""

    told_people = "The order has ended"


class NotFed(Refusal):
    """Order {order} is no subscription that post events feed"""


class SubscriptionEnded(Refusal):
    """The subscription is {status}"""


class NothingDelivers(Refusal):
    """Service {service} has no service that delivers its posts"""


class RestNotOffered(Refusal):
    """Orders of this kind are not finished by another provider"""


class NothingLeft(Refusal):
    """Only a Partial order can be finished by another provider"""


class NobodyFinishes(Refusal):
    """No other provider takes what is left of it"""


class SomethingWentWrong(Refusal):
    """Something went wrong."""
