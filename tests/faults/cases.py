"""The faults that orders are run through: where each strikes, how often, and what it may leave open."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from purveyor.simulator.behaviours import EVERY_ACTION, Behaviour, Fault

LATE_SECONDS: Final = 1.6
TIMEOUT_SECONDS_WHERE_LATE: Final = 1
TIMEOUT_SECONDS: Final = 10
"""A busy machine needs time, too: what it is late with must not pass for the fault that a case is about."""
USUAL_SHARE: Final = 0.25
SHARE_OF_DELAYS: Final = 0.08
"""Each takes the whole time-out, and in a row when the provider has to prove itself."""
SHARE_OF_STATUSES: Final = 0.7
"""One call asks about a hundred orders: there are few."""
SHARE_IN_MIX: Final = 0.5
ALL: Final = 1.0

Mix = Mapping[Fault | Behaviour, float]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A provider's trouble."""

    name: str
    mixes: Mapping[str, Mix]
    """By action: what calls get, by weight."""
    ambiguous: bool = False
    """Whether it can leave hand-overs of which nobody knows what came."""
    prices: bool = False
    """Whether orders cost something else than was expected when they were sent."""
    refills: bool = False
    """Whether refills are asked for."""
    providers: int = 1
    """How many deliver an order in turn: each what those before have left."""
    faults: frozenset[Fault] = field(default_factory=frozenset)
    """Each must have been met when the run is over."""

    @property
    def timeout_seconds(self) -> int:
        """After which its provider's answers are not waited for any more."""
        given = (each for mix in self.mixes.values() for each in mix)
        late = any(isinstance(each, Behaviour) and each.fault in _LATE for each in given)
        return TIMEOUT_SECONDS_WHERE_LATE if late else TIMEOUT_SECONDS


def _case(
    fault: Fault,
    *,
    action: str = EVERY_ACTION,
    share: float = USUAL_SHARE,
    ambiguous: bool = False,
    prices: bool = False,
) -> Case:
    behaviour = Behaviour(fault=fault, seconds=LATE_SECONDS)
    return Case(
        name=fault.value,
        mixes={action: {behaviour: share, Fault.NONE: 1 - share} if share < ALL else {behaviour: 1.0}},
        ambiguous=ambiguous,
        prices=prices,
        refills=action == "refill",
        faults=frozenset({fault}),
    )


_UNCLEAR: Final = (
    Fault.ACCEPT_THEN_DROP,
    Fault.DROP_WITHOUT_ACCEPTING,
    Fault.ERROR_500_BEFORE_ACCEPTING,
    Fault.ERROR_500_AFTER_ACCEPTING,
    Fault.HTML_PAGE,
    Fault.EMPTY_BODY,
    Fault.TRUNCATED_JSON,
    Fault.WRONG_TYPES,
    Fault.REUSED_ID,
)
_LATE: Final = (Fault.DELAY_BEFORE_ACCEPTING, Fault.DELAY_AFTER_ACCEPTING)
_HARMLESS: Final = (
    Fault.TOO_MANY_REQUESTS,
    Fault.WARNING_BEFORE_JSON,
    Fault.NUMBERS_AS_STRINGS,
    Fault.STRINGS_AS_NUMBERS,
)
_STATUSES: Final = (Fault.UNKNOWN_STATUS, Fault.NEGATIVE_REMAINS, Fault.STATUS_BACKWARDS)
_SHUT: Final = (Fault.EMPTY_BALANCE, Fault.QUEUE_FULL, Fault.BAD_KEY, Fault.SERVICE_GONE)
"""Every order is refused until the trouble is over."""
_REFUSALS: Final = (Fault.DUPLICATE_LINK, Fault.BAD_LINK)
_REFILLS: Final = (Fault.REFILL_REFUSED, Fault.REFILL_REJECTED)


def _mix() -> Case:
    """Everything at once. The price stays, so that costs can be compared to the last digit."""
    anywhere = (*_UNCLEAR, *_LATE, *_HARMLESS, *_STATUSES)
    at_add = (*anywhere, *_SHUT, *_REFUSALS)

    def mix(faults: tuple[Fault, ...]) -> Mix:
        each = SHARE_IN_MIX / len(faults)
        few = SHARE_OF_DELAYS / len(faults)
        troubles: dict[Fault | Behaviour, float] = {
            Behaviour(fault=fault, seconds=LATE_SECONDS): few if fault in _LATE else each for fault in faults
        }
        return {**troubles, Fault.NONE: 1 - SHARE_IN_MIX}

    return Case(
        name="mix",
        mixes={EVERY_ACTION: mix(anywhere), "add": mix(at_add), "refill": mix(_REFILLS)},
        ambiguous=True,
        refills=True,
    )


def _rests() -> Case:
    """Several providers in turn, each leaving something of most orders and telling of it badly."""
    at_add = (*_UNCLEAR, *_LATE, *_HARMLESS)
    each, few = USUAL_SHARE / len(at_add), SHARE_OF_DELAYS / len(at_add)
    add: Mix = {
        **{Behaviour(fault=fault, seconds=LATE_SECONDS): few if fault in _LATE else each for fault in at_add},
        Fault.NONE: 1 - USUAL_SHARE,
    }
    status: Mix = {**dict.fromkeys(_STATUSES, USUAL_SHARE), Fault.NONE: USUAL_SHARE}
    return Case(name="rests", mixes={"add": add, "status": status}, ambiguous=True, providers=3)


CASES: Final = (
    *(_case(fault, ambiguous=True) for fault in _UNCLEAR),
    *(_case(fault, share=SHARE_OF_DELAYS, ambiguous=True) for fault in _LATE),
    *(_case(fault) for fault in _HARMLESS),
    *(_case(fault, share=SHARE_OF_STATUSES, action="status") for fault in _STATUSES),
    *(_case(fault, share=ALL, action="add") for fault in _SHUT),
    *(_case(fault, action="add") for fault in _REFUSALS),
    *(_case(fault, share=SHARE_OF_STATUSES, action="refill") for fault in _REFILLS),
    _case(Fault.PRICE_CHANGE, action="add", prices=True),
    _mix(),
    _rests(),
)
