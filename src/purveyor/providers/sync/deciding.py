"""What becomes by itself of the differences that a look at a provider's list found."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields
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
from purveyor.providers.sync.change_rules import rules_of
from purveyor.providers.sync.differences import PRICE, UNFELT_PRICE, Difference, Value, aspect_of
from purveyor.providers.sync.editing import Subjects, stored
from purveyor.providers.sync.effects import Effect, Subject, effect_of, moves_rate
from purveyor.providers.sync.offers import terms_of

BY_RULE: Final = "rule"
"""Who decided, where it was no person."""
_SQL: Final = load_sql(__file__, "deciding.sql")
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
    rules = rules_of(provider.pk)
    subjects = Subjects({offers[item.external_id].pk for item in found})
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
        change.state = _decide(change, effects, subjects, rules, shrunk=shrunk)
        changes.append(change)
    _overtake(changes)
    _write_decisions(change_set, changes)
    _write(change_set, changes)
    subjects.services.write()
    return change_set


def _decide(
    change: Change,
    effects: Sequence[tuple[Subject, Effect]],
    subjects: Subjects,
    rules: Mapping[ChangeKind, Verdict],
    *,
    shrunk: bool,
) -> ChangeState:
    """Let the effects take place that the rules let by themselves; returns what became of the change."""
    kind = ChangeKind(change.kind)
    matter = [(subject, effect) for subject, effect in effects if effect.edits or effect.trouble]
    if not matter and kind is not ChangeKind.NEW:
        return ChangeState.NOTED
    verdicts = [Verdict.WAIT if shrunk else rules[_felt_as(kind, *one)] for one in matter] or [rules[kind]]
    if set(verdicts) == {Verdict.IGNORE}:
        return ChangeState.IGNORED
    waits = kind is ChangeKind.NEW
    for verdict, (subject, effect) in zip(verdicts, matter, strict=False):
        is_precaution = kind is ChangeKind.TYPE and not shrunk and effect.edits == {"enabled": False}
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


def _felt_as(kind: ChangeKind, subject: Subject, effect: Effect) -> ChangeKind:
    """What a change is to our customers: a price counts by where our own goes.

    It may go up when the provider's goes down, where an earlier rise was not followed.
    """
    rate = effect.edits.get("rate")
    if rate is None:
        return kind
    return ChangeKind.DEARER if rate > subject.service.rate else ChangeKind.CHEAPER  # type: ignore[operator]


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
