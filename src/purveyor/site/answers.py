"""What the answers of API v2 mean, for the public page: statuses, error texts and HTTP codes."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from purveyor.catalog.models import LARGEST_QUANTITY
from purveyor.orders import refusals
from purveyor.orders.links import LONGEST_LINK_CHARACTERS
from purveyor.orders.models import RefillStatus, Status
from purveyor.site.reference import Text


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """A word of the API and what it says."""

    word: Text
    meaning: Text


@dataclass(frozen=True, kw_only=True)
class MeaningTable:
    """Words that belong together."""

    title: Text
    rows: Sequence[Meaning]


def _table(title: Text, *rows: tuple[Text, Text]) -> MeaningTable:
    return MeaningTable(title=title, rows=[Meaning(word=word, meaning=meaning) for word, meaning in rows])


STATUSES: Final = (
    _table(
        _("Orders"),
        (Status.PENDING, _("Taken and paid for; work has not begun.")),
        (Status.PROCESSING, _("Being prepared.")),
        (Status.IN_PROGRESS, _("Being delivered.")),
        (Status.COMPLETED, _("Delivered.")),
        (Status.PARTIAL, _("Ended early. What remains was refunded to your balance.")),
        (Status.CANCELED, _("Ended with nothing delivered. The whole charge was refunded to your balance.")),
    ),
    _table(
        _("Drip-feeds"),
        (Status.IN_PROGRESS, _("Runs are still to come, or under way.")),
        (Status.COMPLETED, _("Every run has ended.")),
        (Status.CANCELED, _("No further run will be made.")),
    ),
    _table(
        _("Subscriptions"),
        (Status.ACTIVE, _("Waiting for posts.")),
        (Status.PAUSED, _("Stopped for now; it can go on.")),
        (Status.COMPLETED, _("Every post was served.")),
        (Status.EXPIRED, _("The expiry date has passed.")),
        (Status.CANCELED, _("No further post will be served.")),
    ),
    _table(
        _("Refills"),
        (RefillStatus.PENDING, _("Requested.")),
        (RefillStatus.IN_PROGRESS, _("Being made up.")),
        (RefillStatus.COMPLETED, _("Made up.")),
        (RefillStatus.REJECTED, _("Not accepted.")),
    ),
)


_REFUSALS: Final[Sequence[tuple[Text, Sequence[tuple[type[refusals.Refusal] | str, Text]]]]] = (
    (
        _("Any call"),
        (
            ("Invalid API key", _("`key` is missing, unknown or revoked.")),
            (
                refusals.IncorrectRequest,
                _("`action` is unknown, a required parameter is missing, or a value cannot be read."),
            ),
            (refusals.AccountSuspended, _("The account was suspended. Please contact us.")),
        ),
    ),
    (
        _("Add order"),
        (
            (refusals.IncorrectServiceId, _("There is no such service, or it is not offered now.")),
            (refusals.BadLink, _("`link` is missing or is not one line of text.")),
            (refusals.CommentsMissing, _("`comments` is missing or has no lines.")),
            (refusals.QuantityTooSmall, _("Below the service’s `min`, N. Also per run and per post.")),
            (
                refusals.QuantityTooLarge,
                _("Above the service’s `max`, N. Also for all runs of a drip-feed together."),
            ),
            (
                refusals.DripFeedNotOffered,
                _("`runs` and `interval` were sent for a service without drip-feed."),
            ),
            (refusals.IntervalRequired, _("`runs` was sent without `interval`.")),
            (refusals.RunsRequired, _("`interval` was sent without `runs`.")),
            (refusals.DuplicateLink, _("An earlier order of yours for the same link has not ended.")),
            (
                refusals.IdempotencyKeyReused,
                _("`idempotency_key` named an earlier order with other parameters."),
            ),
            (refusals.NotEnoughFunds, _("The charge is more than your balance.")),
            (refusals.SomethingWentWrong, _("The order could not be kept. Please tell us.")),
        ),
    ),
    (
        _("Status, refill and cancel"),
        (
            (
                refusals.IncorrectOrderId,
                _(
                    "You have no order with this ID. For a cancel also: the service offers none, one was "
                    "requested before, or the order has ended."
                ),
            ),
            (refusals.RefillDisabled, _("The service offers no refill.")),
            (refusals.OrderNotCompleted, _("Only a completed order can be refilled.")),
            (refusals.RefillTooSoon, _("Ask again when 24 hours have passed.")),
            (refusals.RefillDaysOver, _("The time in which the service refills is over: this is final.")),
            (refusals.RefillNotFound, _("You have no refill with this ID.")),
        ),
    ),
)


def error_tables(*, as_keys: bool) -> list[MeaningTable]:
    """Every refusal and when it comes, in words or, on a panel that answers so, as keys (protocol §6.2)."""
    return [
        _table(title, *((_error(refusal, as_keys=as_keys), meaning) for refusal, meaning in rows))
        for title, rows in _REFUSALS
    ]


def _error(refusal: type[refusals.Refusal] | str, *, as_keys: bool) -> str:
    """What stands in `error`, with N where the text names a number."""
    if isinstance(refusal, str):
        return refusal
    if as_keys and refusal.key_name:
        return refusal.key_name
    return (inspect.getdoc(refusal) or "").format(minimum="N", maximum="N")


HTTP_CODES: Final = _table(
    _("HTTP codes"),
    ("200", _("Every answer in JSON, errors included: read the body, not the code.")),
    ("408", _("The body did not arrive in time. Nothing was done; the answer is empty.")),
    ("413", _("The body is larger than 1 MB. Nothing was done.")),
    (
        "429",
        _(
            "The key is unknown, as too many from your address were before it; the answer is empty. "
            "The right key is always served."
        ),
    ),
    (
        "503",
        _(
            "Trouble of ours, with an empty body: what you asked may or may not have been done. "
            "Ask again in a while, for an order with the same `idempotency_key`."
        ),
    ),
)

LIMITS: Final = _table(
    _("Limits"),
    (_("IDs in one call"), _("100 different ones. Those beyond are ignored.")),
    (_("Size of a request"), _("1 MB, and it must arrive within 10 seconds.")),
    (
        _("`quantity`"),
        format_lazy(
            _("A whole number within the service’s `min` and `max`, never above {limit}."),
            limit=LARGEST_QUANTITY,
        ),
    ),
    (_("`link`"), format_lazy(_("Up to {limit} characters."), limit=LONGEST_LINK_CHARACTERS)),
    (_("Unknown keys"), _("Guessing is slowed down: 20 at once from one address, then one every 2 seconds.")),
    (
        _("Calls"),
        _("No limit for ordinary use. Ask for the status of 100 orders in one call, once a minute or so."),
    ),
)
