"""What the simulated provider says when it refuses: the words of live panels (protocol §6.2)."""

from typing import Final

INVALID_KEY: Final = "Invalid API key"
INCORRECT_REQUEST: Final = "Incorrect request"
INCORRECT_SERVICE: Final = "Incorrect service ID"
BAD_LINK: Final = "Bad link"
QUANTITY_BELOW: Final = "Quantity less than minimal {limit}"
QUANTITY_ABOVE: Final = "Quantity more than maximum {limit}"
NO_DRIPFEED: Final = "This services does not support Dripfeed feature!"
RUNS_REQUIRED: Final = "Runs is required"
INTERVAL_REQUIRED: Final = "Interval time is required"
DUPLICATE_LINK: Final = "You have active order with this link. Please wait until order being completed."
NOT_ENOUGH_FUNDS: Final = "Not enough funds on balance"
INCORRECT_ORDER: Final = "Incorrect order ID"
REFILL_DISABLED: Final = "Refill is disabled for this service"
REFILL_NOT_COMPLETED: Final = "The order is not completed"
REFILL_TOO_SOON: Final = "The order was completed or refill was requested less than 24 hours ago"
REFILL_TOO_LATE: Final = "Refill days are over"
REFILL_NOT_FOUND: Final = "Refill not found"
CANCEL_NOT_OFFERED: Final = "Service does not support cancel"
CANCEL_REPEATED: Final = "Cancel already requested"
CANCEL_TOO_LATE: Final = "Order cannot be canceled"
TOO_MANY_REQUESTS: Final = "Too many requests"
QUEUE_FULL: Final = "The queue of this service is full. Please try again later."
TROUBLE: Final = "Something went wrong."


class Refused(Exception):
    """The provider says no; the text is its answer's `error`."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text
