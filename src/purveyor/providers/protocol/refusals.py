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
    """It was asked for already."""
    TOO_EARLY = "too_early"
    """It may be asked for later: a refill a day after the last."""
    NOT_SENT = "not_sent"
    """The request never left, or was never executed: there are no words of the provider."""
    GIVEN_BACK = "given_back"
    """The worker did not come to send it: it stopped, or was too busy."""
    NOT_PLACED = "not_placed"
    """A person, or evidence, showed that a hand-over of unknown outcome was not executed."""
    OTHER = "other"


_TARGET: Final = (
    r"\b(?:link|url|profile|page|channel|private|username|instagram|facebook|tiktok|twitter|youtube|telegram"
    r"|threads|spotify|snapchat|linkedin|twitch|discord)\b"
)
"""What the customer ordered for: that it is banned, or asked for too often, says nothing of us."""
_IDLE: Final = r"(?:inactive|suspended|banned|disabled|blocked)"
_WRONG: Final = r"(?:invalid|incorrect|wrong|missing|bad|unknown)"
_SERVICE: Final = r"service(?:[ _]?id)?"
_GONE: Final = (
    r"(?:not[ _](?:found|active)|do(?:es)?[ _]not[ _]exists?|inactive|disabled|incorrect|invalid|removed)"
)

MOST_READ_CHARACTERS: Final = 1000
"""Of a text: what it is about stands at its beginning, and a reply may be megabytes long."""

# In this order: the first that fits decides. What stops or pauses a provider (funds, key, rate) or closes a
# route for everybody (service) takes words that can mean nothing else. A doubtful text is about the order
# alone: that harms nobody beside it.
_PATTERNS: Final = tuple(
    (refusal, re.compile(pattern, re.IGNORECASE))
    for refusal, pattern in (
        (
            RefusalClass.FUNDS,
            (
                r"(?:not[ _]|n.t )(?:have )?enough.*(?:fund|balance)|insufficient.*(?:fund|balance)"
                r"|balance.*(?:insufficient|\blow\b)|\byour (?:account )?balance\b.*\b(?:below|less than)\b"
            ),
        ),
        (
            RefusalClass.KEY,
            (
                rf"\b{_WRONG}[ _](?:(?:or|the|your|access|{_WRONG}) ){{0,2}}"
                r"(?:(?:api[ _]?)?key\b|api[ _]?token)"
                r"|^(?:(?:the|your) )?key (?:is )?(?:invalid|incorrect|wrong)"
                r"|api[ _]?(?:key|token).*(?:invalid|incorrect|wrong|required|missing|disabled)"
                rf"|^(?!.*{_TARGET}).*(?:unauthori[sz]ed|unauthenticated)"
                r"|api is disabled?\b(?! for (?:this|the) service)"
                rf"|^(?!.*{_TARGET}).*\byour account\b.*{_IDLE}"
                rf"|(?:^|error[._])(?:the )?account[ _](?:is |was |has been )?{_IDLE}\W*$"
            ),
        ),
        (
            # It ends by itself, also where too many at a time are the matter.
            RefusalClass.DUPLICATE,
            (
                r"(?<!no )\bactive order|link_duplicate|same link|duplicated? (?:link|order)"
                r"|already\b.*\border(?:ed)?\b.*\blink\b"
                r"|\border\b.*\blink\b.*\b(?:already|exists|in progress)\b"
                r"|\blink\b.*\border\b.*\bin progress\b"
                r"|\blink (?:is |was )?(?:already (?:in|being|exists|ordered|added|used)\b|duplicate)"
                r"|too[ _]many[ _](?:active[ _])?orders|too many requests (?:for|with) (?:this|the same) link"
            ),
        ),
        (RefusalClass.REFILL_OVER, r"refill days"),
        (RefusalClass.REPEATED, r"already requested"),
        (RefusalClass.TOO_EARLY, r"24 hours"),
        (
            RefusalClass.RATE,
            (
                rf"^(?!.*{_TARGET}).*(?:too[ _]many[ _](?:\w+[ _])?(?:request|call|attempt|connection)"
                r"|(?<![a-z])rate[ _]?limit)"
            ),
        ),
        (
            RefusalClass.SERVICE,
            (
                # Without the words of an order: who orders it wrongly must not close it for others.
                rf"^(?!.*(?:{_TARGET}|[._]link|quantity|comment|\b(?:user|hash)|tempor|try again|moment))"
                rf".*(?:{_WRONG}[ _]{_SERVICE}(?! ?[a-z])"
                r"|(?:^|[:;,.!]|error[._]|\bor)[ ]?(?:(?:the|this|that|selected|requested) ){0,2}"
                rf"{_SERVICE}(?:[ #:]+\d+)?[ _](?:is[ _])?{_GONE}(?! (?:for|on|in|with|to)\b))"
            ),
        ),
        (
            RefusalClass.QUANTITY,
            r"^(?!.*(?:balance|fund|\borders\b|execution)).*(?:quantity|m(?:in|ax)im(?:um|al))",
        ),
        (RefusalClass.ORDER, r"incorrect[_ .]order|order not found"),
        (RefusalClass.LINK, r"\blink\b|[._]link|link[._]|\burl\b"),
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
    words = " ".join(text[:MOST_READ_CHARACTERS].split())
    for refusal, pattern in _PATTERNS:
        if pattern.search(words):
            return refusal
    return _BY_HTTP_STATUS.get(http_status, RefusalClass.OTHER)
