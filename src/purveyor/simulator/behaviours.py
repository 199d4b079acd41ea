"""How the simulated provider misbehaves: each fault that live panels show, and the script of what comes when.

A script holds, for each action, what the next calls get, what all calls get, and a weighted mix. Without a
word in it the provider behaves.
"""

import random
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final

EVERY_ACTION: Final = "*"
DEFAULT_DELAY_SECONDS: Final = 1.0
DEFAULT_PRICE_FACTOR: Final = Decimal("1.3")


class Fault(StrEnum):
    """A way to misbehave; the name is also its spelling at the control door.

    *Accepted* means that the call is carried out: an order is placed and charged, whatever the answer.
    """

    NONE = "none"
    """The honest answer: for sequences and mixes."""
    DELAY_BEFORE_ACCEPTING = "delay_before_accepting"
    """Waits `seconds`, then carries the call out, even when the caller is gone by then."""
    DELAY_AFTER_ACCEPTING = "delay_after_accepting"
    ACCEPT_THEN_DROP = "accept_then_drop"
    """Accepted, and the connection is closed without an answer."""
    DROP_WITHOUT_ACCEPTING = "drop_without_accepting"
    ERROR_500_BEFORE_ACCEPTING = "error_500_before_accepting"
    ERROR_500_AFTER_ACCEPTING = "error_500_after_accepting"
    TOO_MANY_REQUESTS = "too_many_requests"
    """Status 429 with `Retry-After`, not accepted."""
    HTML_PAGE = "html_page"
    """Accepted, answered with a page; `accepts=False` makes it the page of a gateway in front."""
    EMPTY_BODY = "empty_body"
    TRUNCATED_JSON = "truncated_json"
    WARNING_BEFORE_JSON = "warning_before_json"
    """A byte order mark and a PHP warning before the right JSON."""
    WRONG_TYPES = "wrong_types"
    """The right keys with objects, lists, nulls and booleans where text and numbers belong."""
    REUSED_ID = "reused_id"
    """Accepted, answered with the id of an order that was given out before."""
    NUMBERS_AS_STRINGS = "numbers_as_strings"
    STRINGS_AS_NUMBERS = "strings_as_numbers"
    UNKNOWN_STATUS = "unknown_status"
    NEGATIVE_REMAINS = "negative_remains"
    STATUS_BACKWARDS = "status_backwards"
    """An earlier status than the order has reached; what it is charged does not change."""
    PRICE_CHANGE = "price_change"
    """Accepted, after all rates became `factor` times the standard catalogue's, which they stay."""
    EMPTY_BALANCE = "empty_balance"
    """The funds error on `add`, a balance of nothing on `balance`; nothing is accepted."""
    REFILL_REFUSED = "refill_refused"
    REFILL_REJECTED = "refill_rejected"
    """The refill is accepted and will end Rejected."""
    QUEUE_FULL = "queue_full"
    BAD_KEY = "bad_key"
    DUPLICATE_LINK = "duplicate_link"
    SERVICE_GONE = "service_gone"
    BAD_LINK = "bad_link"
    ARBITRARY = "arbitrary"
    """Exactly `http_status`, `body` and `content_type`; accepted unless `accepts=False`."""


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """A fault with its particulars."""

    fault: Fault = Fault.NONE
    accepts: bool | None = None
    """Whether the call is carried out; None is as the fault usually has it."""
    seconds: float = DEFAULT_DELAY_SECONDS
    factor: Decimal = DEFAULT_PRICE_FACTOR
    http_status: int | None = None
    """The HTTP status code; None is as the fault usually has it."""
    body: str | None = None
    """The whole body instead of the usual one."""
    text: str | None = None
    """The words of a refusal instead of the usual ones."""
    content_type: str | None = None
    change: Callable[[object], object] | None = None
    """Turns the honest reply into another JSON value; only in the process of the test."""


HONEST: Final = Behaviour()


@dataclass(kw_only=True)
class _Plan:
    """What the script holds for one action."""

    next: deque[Behaviour] = field(default_factory=deque)
    always: Behaviour | None = None
    choices: list[Behaviour] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    chance: random.Random = field(default_factory=random.Random)
    matching: list[tuple[dict[str, str], Behaviour]] = field(default_factory=list)


class Script:
    """What the provider does at each call. Safe to change from any thread.

    A call is answered by the first that has something to say: the rules for its fields, the queue of the next
    calls, the mix, the standing behaviour; each for the action itself, then for every action.
    """

    def __init__(self) -> None:
        self.given: Counter[Fault] = Counter()
        """How many calls each fault has met: a test can tell whether it tried what it meant to try."""
        self._plans: dict[str, _Plan] = {}
        self._lock = threading.Lock()

    def next(self, action: str, *behaviours: Fault | Behaviour) -> None:
        """The next calls of an action get these, one each; then it goes on as before."""
        with self._lock:
            self._plan(action).next.extend(_behaviour(given) for given in behaviours)

    def always(self, action: str, behaviour: Fault | Behaviour) -> None:
        """Every call of an action gets this from now on."""
        with self._lock:
            self._plan(action).always = _behaviour(behaviour)

    def mix(self, weights: Mapping[Fault | Behaviour, float], *, seed: int, action: str = "add") -> None:
        """Every call of an action gets one of these, drawn by weight, in the same order for the same seed."""
        with self._lock:
            plan = self._plan(action)
            plan.choices = [_behaviour(given) for given in weights]
            plan.weights = list(weights.values())
            plan.chance = random.Random(seed)

    def when(self, action: str, fields: Mapping[str, str], behaviour: Fault | Behaviour) -> None:
        """Every call of an action with these fields gets this from now on."""
        with self._lock:
            self._plan(action).matching.append((dict(fields), _behaviour(behaviour)))

    def clear(self, action: str | None = None) -> None:
        """Behave again: at one action, or at all of them."""
        with self._lock:
            if action is None:
                self._plans.clear()
            else:
                self._plans.pop(action, None)

    def take(self, action: str, fields: Mapping[str, str]) -> Behaviour:
        """The behaviour for a call that has just come; it counts as one of the next calls."""
        if not self._plans:
            return HONEST
        behaviour = self._chosen(action, fields)
        self.given[behaviour.fault] += 1
        return behaviour

    def _chosen(self, action: str, fields: Mapping[str, str]) -> Behaviour:
        with self._lock:
            plans = [self._plans[name] for name in (action, EVERY_ACTION) if name in self._plans]
            for plan in plans:
                for wanted, behaviour in plan.matching:
                    if all(fields.get(name) == text for name, text in wanted.items()):
                        return behaviour
            for plan in plans:
                if plan.next:
                    return plan.next.popleft()
            for plan in plans:
                if plan.choices:
                    return plan.chance.choices(plan.choices, plan.weights)[0]
                if plan.always is not None:
                    return plan.always
        return HONEST

    def _plan(self, action: str) -> _Plan:
        return self._plans.setdefault(action, _Plan())


def _behaviour(given: Fault | Behaviour) -> Behaviour:
    return given if isinstance(given, Behaviour) else Behaviour(fault=given)
