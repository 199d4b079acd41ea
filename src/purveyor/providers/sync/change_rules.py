"""What happens to our services by itself when a provider changes its list: by provider, or for all."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from purveyor.providers.models import ChangeKind, ChangeRule, Provider, Verdict

DEFAULTS: Final[Mapping[ChangeKind, Verdict]] = {
    ChangeKind.NEW: Verdict.WAIT,
    ChangeKind.BACK: Verdict.APPLY,
    ChangeKind.DEARER: Verdict.APPLY,  # or the margin guard would hold what is ordered meanwhile
    ChangeKind.CHEAPER: Verdict.RETRACE,  # or a price that goes up and down would leave ours up
    ChangeKind.MIN: Verdict.APPLY,
    ChangeKind.MAX: Verdict.APPLY,
    ChangeKind.REFILL: Verdict.APPLY,
    ChangeKind.CANCEL: Verdict.APPLY,
    ChangeKind.DRIPFEED: Verdict.APPLY,
    ChangeKind.RENAMED: Verdict.WAIT,  # providers advertise in names
    ChangeKind.DESCRIPTION: Verdict.WAIT,
    ChangeKind.CATEGORY: Verdict.IGNORE,
    ChangeKind.GONE: Verdict.APPLY,
    ChangeKind.TYPE: Verdict.WAIT,  # switched off meanwhile: see deciding.py
}


RETRACED_DAYS: Final = 7
"""How long after a rise a fall may take it back by itself."""


class WrongRule(ValueError):
    """A rule that cannot be kept; the text says why."""


def rules_of(provider_id: int) -> dict[ChangeKind, Verdict]:
    """What is done with each kind of change: by the provider's own rule, the common one, the default."""
    kept = {
        (rule.provider_id, rule.kind): Verdict(rule.verdict)
        for rule in ChangeRule.objects.filter(provider=None)
        | ChangeRule.objects.filter(provider_id=provider_id)
    }
    return {
        kind: kept.get((provider_id, kind)) or kept.get((None, kind)) or verdict
        for kind, verdict in DEFAULTS.items()
    }


def verdict_on(
    kind: ChangeKind,
    rules: Mapping[ChangeKind, Verdict],
    *,
    rate: Decimal,
    wanted: Decimal | None,
    lowest_lately: Decimal | None,
) -> Verdict:
    """What is done with a change of this kind to a service of ours that costs `rate` per 1000.

    Where a change would make it `wanted`, it counts by where our own price goes: that may go up when the
    provider's goes down, where an earlier rise was not followed. A fall retraces as far as `lowest_lately`,
    the lowest rate from which one of the last days' changes went on; None where there was none.
    """
    if wanted is None:
        return Verdict.WAIT if rules[kind] is Verdict.RETRACE else rules[kind]
    verdict = rules[ChangeKind.DEARER if wanted > rate else ChangeKind.CHEAPER]
    if verdict is not Verdict.RETRACE:
        return verdict
    return Verdict.APPLY if lowest_lately is not None and wanted >= lowest_lately else Verdict.WAIT


def set_rule(*, provider: Provider | None, kind: ChangeKind, verdict: Verdict) -> None:
    """Keep a rule from the next sync on; without a provider it is for all that have none of their own.

    Raises `WrongRule`.
    """
    if verdict is Verdict.ROLL_BACK:
        raise WrongRule("a rule applies, retraces, waits or ignores")
    if verdict is Verdict.RETRACE and kind is not ChangeKind.CHEAPER:
        raise WrongRule("only what is cheaper takes back a rise")
    if kind is ChangeKind.NEW and verdict is Verdict.APPLY:
        raise WrongRule("a new service is imported, with a markup, and not applied by itself")
    ChangeRule.objects.update_or_create(provider=provider, kind=kind, defaults={"verdict": verdict})
