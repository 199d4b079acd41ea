"""Why an order took its route, or none: as it is kept with the order, and in sentences for people.

Kept is a compact object:

```json
{"policy": "cheapest", "routes": [
    {"route": 7, "provider": "Panel A", "service": "112", "cost": "0.41", "score": 71.3, "why": "cheapest"},
    {"route": 4, "provider": "Panel B", "service": "9", "cost": "0.50", "score": 64.0, "why": "behind"}
], "more": 3}
```

`why` is a code of `routing.Why`; with "waits" comes `hold`, the hold's own code. `cost` is that of the order
in panel currency (of a subscription, of a thousand). `more` counts routes left out.
"""

from collections.abc import Mapping
from typing import Any, Final

from purveyor import configuration
from purveyor.providers.models import Policy
from purveyor.providers.routes.routing import Candidate, Decision, Wait, Why
from purveyor.providers.standing.holds import Hold

MOST_ROUTES_KEPT: Final = 12
"""In one decision: the chosen one, and the first others."""
OTHER_HOLD: Final = "other"

_HOLDS: Final = {reason.value: reason.name.lower() for reason in Hold}
_TAKEN: Final = {
    Why.ONLY: "it is the only one that can",
    Why.SAME_LINK: "it took the last order for the same link",
    Why.FIRST: "it is the first that can, by position",
    Why.CHEAPEST: "it is the cheapest that can",
    Why.WEIGHT: "it was its turn by weight",
    Why.SCORE: "it has the best score of those that can",
}
_PASSED_OVER: Final = {
    Why.BEHIND: "another is preferred",
    Why.OUTSIDE_LIMITS: "its list does not allow this quantity",
    Why.BELOW_MARGIN: "at this cost it leaves less than its margin floor",
    Why.REFUSED: "it refused this order's link or quantity",
    Why.CLOSED: "it is closed",
}


def compact(decision: Decision) -> dict[str, Any]:
    """A decision as it is kept. Closed routes are told only where an order waits, and could use them."""
    waits = isinstance(decision.choice, Wait)
    told = [each for each in decision.candidates if waits or each.why is not Why.CLOSED]
    kept = told[:MOST_ROUTES_KEPT]
    if isinstance(decision.choice, Candidate) and decision.choice not in kept:
        kept[-1] = decision.choice
    found: dict[str, Any] = {"policy": decision.policy.value, "routes": [_candidate(each) for each in kept]}
    if len(told) > len(kept):
        found["more"] = len(told) - len(kept)
    return found


def _candidate(candidate: Candidate) -> dict[str, Any]:
    option = candidate.option
    told = {
        "route": option.route_id,
        "provider": option.provider,
        "service": option.external_id,
        "score": round(option.score, 1),
        "why": candidate.why.value,
    }
    if candidate.cost is not None:
        told["cost"] = f"{candidate.cost.normalize():f}"
    if candidate.why is Why.WAITS:
        told["hold"] = _HOLDS.get(option.hold_reason, OTHER_HOLD)
    return told


def sentences(decision: Mapping[str, Any]) -> list[str]:
    """A kept decision in sentences that a person reads: the policy, the route taken, those passed over."""
    routes = decision["routes"]
    lines = [f"Policy: {Policy(decision['policy']).label}."]
    lines += [_sentence(each) for each in sorted(routes, key=lambda each: each["why"] not in _TAKEN)]
    if not routes:
        lines.append("The service has no route.")
    if more := decision.get("more"):
        lines.append(f"{more} more {'route is' if more == 1 else 'routes are'} not listed.")
    return lines


def _sentence(told: Mapping[str, Any]) -> str:
    why = Why(told["why"])
    cost = f" at a cost of {told['cost']} {configuration.current().currency}" if "cost" in told else ""
    route = f"route {told['route']} ({told['provider']}, service {told['service']}, score {told['score']:g})"
    if why in _TAKEN:
        return f"Taken: {route}{cost}, because {_TAKEN[why]}."
    if why is Why.WAITS:
        return f"Passed over: {route}{cost}: {_hold_text(told['hold'])}."
    return f"Passed over: {route}{cost}: {_PASSED_OVER[why]}."


def _hold_text(code: str) -> str:
    try:
        text = Hold[code.upper()].value
    except KeyError:
        return "nothing is sent to the provider for now"
    return text[0].lower() + text[1:]
