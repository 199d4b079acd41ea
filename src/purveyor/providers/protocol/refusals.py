"""Why a provider said no: its words put into classes, each of which has its own consequence (protocol §9)."""

import re
from enum import StrEnum
from typing import Final


class RefusalClass(StrEnum):
    """What a definite refusal is about."""

    FUNDS = "funds"
    """Our deposit with the provider is used up."""
    KEY = "key"
    """It refuses our key, or the whole account."""
    DUPLICATE = "duplicate"
    """It still works on an order with this link: it may take this one later."""
    RATE = "rate"
    """We call too often."""
    SERVICE = "service"
    """It does not sell this service any more."""
    QUANTITY = "quantity"
    LINK = "link"
    ORDER = "order"
    """It does not know the order we asked about."""
    REFILL_OVER = "refill_over"
    """The time for a refill has passed."""
    REPEATED = "repeated"
    """It was asked for already, or too early."""
    NOT_SENT = "not_sent"
    """The request never left, or was never executed: there are no words of the provider."""
    GIVEN_BACK = "given_back"
    """The worker did not come to send it: it stopped, or was too busy."""
    NOT_PLACED = "not_placed"
    """A person, or evidence, showed that a hand-over of unknown outcome was not executed."""
    OTHER = "other"


# In this order: the first that fits decides. Words about funds, the key and duplicates come before the wide
# nets for service, quantity and link, because "active order with this link" is no bad link.
_PATTERNS: Final = tuple(
    (refusal, re.compile(pattern, re.IGNORECASE))
    for refusal, pattern in (
        (
            RefusalClass.FUNDS,
            (
                r"(not[ _]enough|insufficient).*(fund|balance)|balance.*(insufficient|\blow\b)"
                r"|insufficient_balance"
            ),
        ),
        (
            RefusalClass.KEY,
            (
                r"(invalid|incorrect|wrong|missing|bad).*(api[ _]?(key|token)|\bkey\b)"
                r"|api[ _]?(key|token).*(invalid|incorrect|required|missing|disabled)"
                r"|unauthori[sz]ed|unauthenticated|api is disable"
                # Ours, not that of the link: whoever orders for a blocked profile must stop no provider.
                r"|^(?!.*\b(profile|page|channel|link|private|username|instagram|facebook|tiktok|twitter|youtube"
                r"|telegram|threads|spotify|snapchat|linkedin|twitch|discord)\b)"
                r".*account.*(inactive|suspended|banned|disabled|blocked)"
            ),
        ),
        # "Too many orders" for a link ends by itself; as a rate, one order would stop every call.
        (RefusalClass.DUPLICATE, r"active order|link_duplicate|same link|too[ _]many[ _](active[ _])?orders"),
        (RefusalClass.REFILL_OVER, r"refill days"),
        (RefusalClass.REPEATED, r"24 hours|already requested"),
        (RefusalClass.RATE, r"too[ _]many|rate[ _]?limit"),
        (
            RefusalClass.SERVICE,
            r"service.*(incorrect|invalid|not[ _]found|inactive|does not exist)|(incorrect|invalid).*service",
        ),
        (RefusalClass.QUANTITY, r"quantity|minimum|maximum"),
        (RefusalClass.ORDER, r"incorrect[_ .]order|order not found"),
        (RefusalClass.LINK, r"\blink\b|[._]link|link[._]"),
    )
)
_PAYMENT_REQUIRED: Final = 402
_UNAUTHORIZED: Final = 401
_TOO_MANY_REQUESTS: Final = 429
_BY_HTTP_STATUS: Final = {
    _UNAUTHORIZED: RefusalClass.KEY,
    _PAYMENT_REQUIRED: RefusalClass.FUNDS,
    _TOO_MANY_REQUESTS: RefusalClass.RATE,
}


def classify(text: str, *, http_status: int = 200) -> RefusalClass:
    """The class of a refusal's text; where the words say nothing, the HTTP status may (protocol §6.1, §9)."""
    if http_status == _TOO_MANY_REQUESTS:
        return RefusalClass.RATE
    for refusal, pattern in _PATTERNS:
        if pattern.search(text):
            return refusal
    return _BY_HTTP_STATUS.get(http_status, RefusalClass.OTHER)
