"""What becomes by itself of the differences that a look at a provider's list found."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from typing import Final

from purveyor.database import as_json, fetch_all, hot_cursor, id_array, load_sql
from purveyor.providers.costs.margin import Terms
from purveyor.providers.models import (
    Change,
    ChangeDecision,
    ChangeKind,
    ChangeSet,
    ChangeState,
    Provider,
    ProviderService,
    Verdict,
)
from purveyor.providers.sync.change_rules import RETRACED_DAYS, rules_of, verdict_on
from purveyor.providers.sync.differences import PRICE, UNFELT_PRICE, Difference, Value, aspect_of
from purveyor.providers.sync.editing import Subjects, stored
from purveyor.providers.sync.effects import Effect, Subject, effect_of, moves_rate
from purveyor.providers.sync.offers import terms_of

BY_RULE: Final = "rule"
"""Who decided, where it was no person."""
_SQL: Final = load_sql(__file__, "deciding.sql")
MOST_EDITS: Final = RETRACED_DAYS * 48
"""Of a rate in that time, one with each list: two in an hour."""
_STATES: Final = {Verdict.APPLY: ChangeState.APPLIED, Verdict.IGNORE: ChangeState.IGNORED}


def write_change_set(
    *,
    provider: Provider,
    found: Sequence[Difference],
    offers: Mapping[str, ProviderService],
    shrunk: bool = False,
    terms_before: Terms | None = None,
) -> ChangeSet:
    """Keep differences as a change set, and do what the rules say.

    `offers` holds the provider's services by its ids, as listed now; the provider is locked, and where it is
    our terms with it that changed, `terms_before` tells what they were. Of a list that lost more than half
    everything waits. An order type that changed switches our service off while it waits. A price that moves
    no rate of ours is noted, and what waits or was decided about the price before stays so.
    """
    subjects = Subjects({offers[item.external_id].pk for item in found})
    rules = _Rules(provider, subjects, found, shrunk=shrunk)
    terms = terms_of(provider)
    change_set = ChangeSet.objects.create(
        provider=provider,
        shrunk=shrunk,
        terms=None if terms_before is None else _changed_terms(terms_before, terms),
    )
    changes = []
    for difference in found:
        offer = offers[difference.external_id]
        change = Change(
            change_set=change_set,
            provider_service=offer,
            kind=difference.kind,
            aspect=aspect_of(difference.kind),
            before=_stored(difference.before),
            after=_stored(difference.after),
        )
        effects = [
            (
                subject,
                effect_of(difference.kind, difference.before, offer=offer, terms=terms, subject=subject),
            )
            for subject in subjects.of(offer.pk)
        ]
        if change.aspect == PRICE and _moves_none(difference, offer, terms_before or terms, terms, effects):
            change.aspect, effects = UNFELT_PRICE, []
        change.state = _decide(change, effects, subjects, rules)
        changes.append(change)
    _overtake(changes)
    _write_decisions(change_set, changes)
    _write(change_set, changes)
    subjects.services.write()
    return change_set


class _Rules:
    """What the rules say of each change of a set."""

    def __init__(
        self, provider: Provider, subjects: Subjects, found: Sequence[Difference], *, shrunk: bool
    ) -> None:
        self.of_kind = dict.fromkeys(ChangeKind, Verdict.WAIT) if shrunk else rules_of(provider.pk)
        self.shrunk = shrunk
        self._lowest_lately: dict[int, Decimal] = {}
        if Verdict.RETRACE in self.of_kind.values() and any(aspect_of(one.kind) == PRICE for one in found):
            services = id_array(subjects.services.by_id)
            rows = fetch_all(
                _SQL["lowest_lately"], {"services": services, "days": RETRACED_DAYS, "most": MOST_EDITS}
            )
            self._lowest_lately = {row.service_id: row.rate for row in rows}

    def verdict(self, kind: ChangeKind, subject: Subject, effect: Effect) -> Verdict:
        """What is done with the effect that a change of this kind would have on a service of ours."""
        wanted = effect.edits.get("rate")
        return verdict_on(
            kind,
            self.of_kind,
            rate=subject.service.rate,
            wanted=wanted if isinstance(wanted, Decimal) else None,
            lowest_lately=self._lowest_lately.get(subject.service.pk),
        )


def _decide(
    change: Change, effects: Sequence[tuple[Subject, Effect]], subjects: Subjects, rules: _Rules
) -> ChangeState:
    """Let the effects take place that the rules let by themselves; returns what became of the change."""
    kind = ChangeKind(change.kind)
    matter = [(subject, effect) for subject, effect in effects if effect.edits or effect.trouble]
    if kind is ChangeKind.NEW:
        is_ignored = rules.of_kind[kind] is Verdict.IGNORE
        return ChangeState.IGNORED if is_ignored else ChangeState.WAITING
    if not matter:
        return ChangeState.NOTED
    verdicts = [rules.verdict(kind, *one) for one in matter]
    if set(verdicts) == {Verdict.IGNORE}:
        return ChangeState.IGNORED
    waits = False
    for verdict, (subject, effect) in zip(verdicts, matter, strict=True):
        is_precaution = kind is ChangeKind.TYPE and not rules.shrunk and effect.edits == {"enabled": False}
        follows = verdict is Verdict.APPLY and not effect.over_hand and not effect.trouble
        if verdict is not Verdict.IGNORE and (follows or is_precaution):
            subjects.give(change, subject, effect)
        waits = waits or (verdict is not Verdict.IGNORE and not follows)
    return ChangeState.WAITING if waits else ChangeState.APPLIED


def _moves_none(
    difference: Difference,
    offer: ProviderService,
    terms_before: Terms,
    terms: Terms,
    effects: Sequence[tuple[Subject, Effect]],
) -> bool:
    """Whether a change of price moves the rate of no service that was imported from the offer."""
    imported = [subject.imported for subject, _ in effects if subject.imported is not None]
    return bool(imported) and not any(
        moves_rate(difference.before, offer=offer, terms_before=terms_before, terms=terms, imported=one)
        for one in imported
    )


def _changed_terms(before: Terms, after: Terms) -> dict[str, list[Value]]:
    """The terms that changed, by name, each as it was and as it is."""
    pairs = {field.name: (getattr(before, field.name), getattr(after, field.name)) for field in fields(Terms)}
    return {name: [stored(was), stored(now)] for name, (was, now) in pairs.items() if was != now}


def _overtake(changes: Sequence[Change]) -> None:
    """Earlier changes of the same aspects wait no more: what counts is what is listed now."""
    by_aspect: dict[str, list[int]] = {}
    for change in changes:
        by_aspect.setdefault(change.aspect, []).append(change.provider_service_id)
    with hot_cursor() as cursor:
        for aspect, offers in by_aspect.items():
            cursor.execute(_SQL["overtake"].encode(), {"aspect": aspect, "offers": id_array(offers)})


def _write(change_set: ChangeSet, changes: Sequence[Change]) -> None:
    rows = [
        {
            "place": place,
            "offer_id": change.provider_service_id,
            "kind": change.kind,
            "aspect": change.aspect,
            "before": change.before,
            "after": change.after,
            "state": change.state,
            "decision_id": change.decision_id,
        }
        for place, change in enumerate(changes)
    ]
    written = fetch_all(_SQL["write_changes"], {"change_set": change_set.pk, "changes": as_json(rows)})
    for change, row in zip(changes, sorted(written), strict=True):
        change.pk = row.id


def _write_decisions(change_set: ChangeSet, changes: Sequence[Change]) -> None:
    numbers = Counter(change.state for change in changes)
    for verdict, state in _STATES.items():
        if numbers[state]:
            decision = ChangeDecision.objects.create(
                change_set=change_set, verdict=verdict, actor=BY_RULE, changes=numbers[state]
            )
            for change in changes:
                if change.state == state:
                    change.decision = decision


def _stored(values: Mapping[str, Value]) -> dict[str, Value]:
    return {name: stored(value) for name, value in values.items()}
