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
_NO_KEY: Final = r"(?:order|service|link|url|quantity|action|refill|username)s?\b"
"""What is wrong instead of the key that is named behind it: "Unknown order for this API key"."""
_SERVICE: Final = r"service(?:[ _]?id)?"
_GONE: Final = (
    r"(?:not[ _](?:found|active)|do(?:es)?[ _]not[ _]exists?|inactive|disabled|incorrect|invalid|removed)"
)
_FOR_NOTHING: Final = r"(?! (?:for|on|with|to|in(?! (?:our|the) (?:database|system|list|catalog)))\b)"
"""A service may be missing for one country, or in one's account, and be there for others."""
_GAP: Final = r".{0,80}"
"""Between two words that belong together. It is bounded: hostile texts cost no more than others."""

MOST_READ_CHARACTERS: Final = 300
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
                rf"(?:not[ _]|n.t )(?:have )?enough{_GAP}(?:fund|balance)|insufficient{_GAP}(?:fund|balance)"
                rf"|balance{_GAP}(?:insufficient|\blow\b)"
                rf"|\byour (?:account )?balance\b{_GAP}\b(?:below|less than)\b"
            ),
        ),
        (
            RefusalClass.KEY,
            (
                # An API key can mean nothing else, whatever stands before it; a key may be a stream's.
                rf"(?<![a-z]){_WRONG}(?:[^a-z0-9.;!?]{{1,3}}(?!{_NO_KEY})[a-z0-9]{{1,20}}){{0,4}}?"
                r"[^a-z0-9.;!?]{1,3}api[ _-]?(?:key|token)\b"
                rf"|\b{_WRONG}[ _](?:(?:or|the|your|access|user|{_WRONG}) ){{0,2}}key\b"
                r"|missing (?:required )?parameter:? ['\"]?key\b"
                r"|^(?:(?:the|your) )?key (?:is )?(?:invalid|incorrect|wrong)"
                rf"|api[ _-]?(?:key|token){_GAP}(?:invalid|incorrect|wrong|required|missing|disabled)"
                rf"|^(?!.*{_TARGET}).*(?:unauthori[sz]ed|unauthenticated)"
                r"|api is disabled?\b(?! for (?:this|the) service)"
                rf"|^(?!.*{_TARGET}).*\byour account\b{_GAP}{_IDLE}"
                rf"|(?:^|error[._])(?:the )?account[ _](?:is |was |has been )?{_IDLE}\W*$"
            ),
        ),
        (
            # It ends by itself, also where too many at a time are the matter.
            RefusalClass.DUPLICATE,
            (
                r"(?<!no )\bactive order|link_duplicate|same link|duplicated? (?:link|order)"
                rf"|already\b{_GAP}\border(?:ed)?\b{_GAP}\blink\b"
                rf"|\border\b{_GAP}\blink\b{_GAP}\b(?:already|exists|in progress)\b"
                rf"|\blink\b{_GAP}\border\b{_GAP}\bin progress\b"
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
                # Whose requests: those for one profile are not ours.
                rf"^(?!.*\b(?:for|with|to|of) (?:this|the|that|your) {_TARGET})"
                r".*(?:too[ _]many[ _](?:\w{1,20}[ _])?(?:request|call|attempt|connection)"
                rf"|(?<![a-z])rate[ _]?limit)(?!s? (?:for|with|to|of) {_TARGET})"
            ),
        ),
        (
            RefusalClass.SERVICE,
            (
                # Without the words of an order: who orders it wrongly must not close it for others.
                rf"^(?!.*(?:{_TARGET}|[._]link|quantity|comment|\b(?:user|hash)|tempor|moment"
                r"|\bwait\b|\blater\b|(?<!and )try again))"
                rf".*(?:{_WRONG}[ _]{_SERVICE}"
                rf"(?: (?:provided|selected|given|specified)\b{_FOR_NOTHING}|(?! ?[a-z]))"
                r"|(?:^|[:;,.!/]|error[._]|\bor)[ ]?(?:(?:the|this|that|selected|requested) ){0,2}"
                rf"{_SERVICE}(?: with (?:(?:this|the|that) )?id)?(?:[ #:]{{1,3}}\d{{1,20}})?"
                rf"[ _](?:(?:is|was)[ _])?{_GONE}{_FOR_NOTHING})"
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
_NO: Final = re.compile(
    r"n['’`]t(?![a-z])|(?<![a-z])(?:can)?not(?![a-z])"
    r"|\b(?:no|cant|unable|denied|impossible|already|only|too|wrong|completed?|over)\b"
    r"|fail|error|invalid|incorrect|refuse|reject|disabled|expired|unknown|missing",
    re.IGNORECASE,
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


def says_no(text: str) -> bool:
    """Whether words about one request hold a refusal of any kind, though the call itself went well."""
    return classify(text) is not RefusalClass.OTHER or _NO.search(text[:MOST_READ_CHARACTERS]) is not None
