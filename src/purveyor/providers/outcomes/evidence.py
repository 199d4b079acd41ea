"""What evidence about a hand-over of unknown outcome proves. Pure functions of values.

Panels number their orders in the order in which they take them, and show a key only its own orders. So the id
of a hand-over lies between two of ours: one answered before it was sent, and one sent after it was over. What
the provider tells about the ids between them is conclusive in two cases; everything else is for people, our
balance with the provider too:

- exactly one order that is ours and unaccounted for, charged what this hand-over and no other should cost;
- no such order, every id told, and the later one sent so long after that nothing can arrive late any more.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from purveyor.providers.protocol.refusals import RefusalClass
from purveyor.providers.protocol.replies import Accepted, Refused, StatusReply, Unclear

LATE_BY: Final = timedelta(minutes=30)
"""A request may wait in the provider's queue for so long after we gave it up, and be executed then."""
FEWEST_NEIGHBOURS: Final = 5
"""So many ids have to ascend before we believe that they do."""
MOST_PROBED: Final = 98
"""Ids between the two of ours; with those, what one `status` takes (protocol §2)."""
MOST_SPANNED: Final = 2000
"""Ids between the two of ours, those of our other orders among them."""
CHARGE_TOLERANCE: Final = Decimal("0.01")
"""Of the expected charge: panels round, and rates may have been imported a little earlier."""
SMALLEST_SHOWN: Final = Decimal("0.00005")
"""Panels show charges with four decimals at least; who shows fewer is left to people."""

_NUMBER: Final = re.compile(r"[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True)
class PlacedAs:
    """The provider took it, as its order of this id."""

    external_id: str
    why: str


@dataclass(frozen=True, slots=True)
class NotPlaced:
    """The provider did not take it, and will not any more."""

    why: str


@dataclass(frozen=True, slots=True)
class Undecided:
    """Nobody can tell from this."""

    why: str


Verdict = PlacedAs | NotPlaced | Undecided


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsettled:
    """A hand-over of unknown outcome."""

    sent_at: datetime
    """It was sent at this moment or later."""
    over_at: datetime
    """When its answer was given up."""
    lease_until: datetime
    """It was sent before this moment."""
    quantity: int
    charge: Decimal
    """Expected, in the provider's currency; 0 of a subscription."""

    @property
    def closes_at(self) -> datetime:
        """From this moment on it cannot be executed any more."""
        return max(self.lease_until, self.over_at) + LATE_BY


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """An order of ours that the same provider accepted at about the same time."""

    external_id: str
    sent_at: datetime
    """It was sent at this moment or later."""
    answered_at: datetime
    """The provider had taken it by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Where the id of an unsettled hand-over lies: between these two, which are ours."""

    before: int
    after: int
    closed: bool
    """Whether the later one was sent when nothing could arrive late any more."""

    @property
    def ids(self) -> range:
        """Every id in between."""
        return range(self.before + 1, self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What the provider told about the ids of a gap."""

    unsettled: Unsettled
    gap: Gap
    asked: Sequence[int]
    """The ids of the gap that belong to no hand-over of ours."""
    replies: Mapping[str, StatusReply | Refused]
    """By id, those of the gap's ends among them."""
    rivals: Sequence[Decimal]
    """Expected charges of other hand-overs of which it is not certain what came of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceChange:
    """Our balance before a hand-over of unknown outcome and now, in the provider's currency."""

    before: Decimal
    before_at: datetime
    after: Decimal
    charge: Decimal
    """Expected of the hand-over; 0 where nobody knows."""
    refunds_possible: bool
    """Whether orders of ours were under way there, which may have been refunded."""


def verdict_of_repeat(reply: Accepted | Refused | Unclear) -> Verdict:
    """The same `add` again, under its idempotency key.

    A refusal proves nothing: the first request may still be on its way, and would be executed.
    """
    match reply:
        case Accepted(external_id=external_id):
            return PlacedAs(external_id, f"the same request again is order {external_id}")
        case Refused(text=text):
            return Undecided(f"the same request again is refused: {text}")
        case Unclear(why=why):
            return Undecided(f"the same request again has no clear answer: {why}")


def find_gaps(unsettled: Unsettled, neighbours: Sequence[Neighbour]) -> list[Gap] | Undecided:
    """The gaps to look into, the one that tells most first; or why there is none."""
    ids = {item.external_id: _number(item.external_id) for item in neighbours}
    if None in ids.values():
        return Undecided("the provider's ids are not numbers")
    seen = [(number, item) for item in neighbours if (number := ids[item.external_id]) is not None]
    if len(seen) < FEWEST_NEIGHBOURS:
        return Undecided("too few other orders to bound its id by")
    if not _ascend(seen):
        return Undecided("the provider's ids do not ascend")
    before = [number for number, item in seen if item.answered_at <= unsettled.sent_at]
    if not before:
        return Undecided("no order was accepted before it")
    gaps = []
    for moment, closed in ((unsettled.closes_at, True), (unsettled.over_at, False)):
        after = [number for number, item in seen if item.sent_at >= moment]
        if after and min(after) > max(before):
            gaps.append(Gap(before=max(before), after=min(after), closed=closed))
    narrow = [gap for gap in gaps if len(gap.ids) <= MOST_SPANNED]
    if gaps and not narrow:
        return Undecided(f"{len(gaps[-1].ids)} ids may be its own, which are too many to ask about")
    return narrow or Undecided("no order was accepted after it yet")


def verdict_of_probe(probe: Probe) -> Verdict:
    """What the answers about the ids of a gap prove."""
    gap = probe.gap
    hidden = [end for end in (gap.before, gap.after) if not _is_shown(probe.replies.get(str(end)))]
    if hidden:
        return Undecided(f"the provider does not show order {hidden[0]}, which is ours")
    shown = {number: reply for number in probe.asked if _is_shown(reply := probe.replies.get(str(number)))}
    untold = [number for number in probe.asked if number not in shown and not _is_absent(probe, number)]
    if untold:
        return Undecided(f"the provider does not tell whether order {untold[0]} is ours")
    between = f"between {gap.before} and {gap.after}"
    if not shown:
        if gap.closed:
            return NotPlaced(f"no order of ours {between}, which were accepted before and well after it")
        return Undecided(f"no order of ours {between} so far")
    orders = {number: reply for number, reply in shown.items() if isinstance(reply, StatusReply)}
    told = ", ".join(f"{number} ({reply.word}, charge {reply.charge})" for number, reply in orders.items())
    found = f"unaccounted for {between}: {told}"
    fitting = [number for number, reply in orders.items() if _fits(reply, probe.unsettled)]
    strange = [
        number
        for number, reply in orders.items()
        if number not in fitting and not any(_is_about(reply.charge, rival) for rival in probe.rivals)
    ]
    if strange:
        return Undecided(f"{found}; {strange[0]} fits no hand-over, so that others may use this account")
    if len(fitting) != 1:
        return Undecided(f"{found}; {len(fitting)} of them fit")
    charge = orders[fitting[0]].charge
    if any(_is_about(charge, rival) for rival in probe.rivals):
        return Undecided(f"{found}; {fitting[0]} fits another hand-over as well")
    return PlacedAs(str(fitting[0]), found)


def words_of_balance(change: BalanceChange) -> str:
    """What a changed balance suggests, for people. No verdict: it names no order, and more may have moved it.

    Our own orders are held out of it by the caller, but not those that somebody places on the provider's own
    site, nor refunds, top-ups and corrections there. An unchanged balance proves no more: the request may
    still arrive, and some panels charge or tell late.
    """
    taken = change.before - change.after
    told = (
        f"the balance was {change.before.normalize():f} at {change.before_at:%Y-%m-%d %H:%M:%S} UTC "
        f"and is {change.after.normalize():f} now, with nothing else sent there"
    )
    if change.charge <= 0:
        meaning = "what this order costs is not known"
    elif taken == 0:
        meaning = "as if it had not been placed"
    elif _is_about(taken, change.charge):
        meaning = f"as if it had been placed, at {change.charge.normalize():f}"
    else:
        meaning = f"which neither fits its charge of {change.charge.normalize():f} nor nothing"
    refunds = "; orders of ours under way there may have been refunded" if change.refunds_possible else ""
    return f"{told}: {meaning}{refunds}"


def _number(external_id: str) -> int | None:
    return int(external_id) if _NUMBER.fullmatch(external_id) else None


def _ascend(seen: Sequence[tuple[int, Neighbour]]) -> bool:
    """Whether an order that was answered before another was sent always has the lower id."""
    return all(
        earlier < later
        for earlier, first in seen
        for later, second in seen
        if first.answered_at <= second.sent_at and first is not second
    )


def _is_shown(reply: StatusReply | Refused | None) -> bool:
    return isinstance(reply, StatusReply)


def _is_absent(probe: Probe, number: int) -> bool:
    reply = probe.replies.get(str(number))
    return isinstance(reply, Refused) and reply.refusal is RefusalClass.ORDER


def _fits(reply: StatusReply, unsettled: Unsettled) -> bool:
    within = reply.remains is None or reply.remains <= unsettled.quantity
    return within and _is_about(reply.charge, unsettled.charge)


def _is_about(charge: Decimal | None, expected: Decimal) -> bool:
    if charge is None or charge <= 0 or expected <= 0:
        return False
    return abs(charge - expected) <= expected * CHARGE_TOLERANCE + min(SMALLEST_SHOWN, expected / 10)
