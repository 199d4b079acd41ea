"""Changes of providers' lists decided by a person: applied, ignored or rolled back, one or a whole set.

In each the provider is locked first and our services after it, in order of id, as a sync does.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.db.models import Max

from purveyor.providers.costs.margin import Terms
from purveyor.providers.models import (
    Change,
    ChangeDecision,
    ChangeKind,
    ChangeSet,
    ChangeState,
    Provider,
    ServiceEdit,
    Verdict,
)
from purveyor.providers.sync.editing import Subjects, restored
from purveyor.providers.sync.effects import Effect, Subject, effect_of
from purveyor.providers.sync.offers import terms_of
from purveyor.providers.sync.undoing import undo

LONGEST_REASON_CHARACTERS: Final = 200
_OF_A_SET: Final = {
    Verdict.APPLY: {ChangeState.WAITING, ChangeState.ROLLED_BACK},
    Verdict.IGNORE: {ChangeState.WAITING},
    Verdict.ROLL_BACK: {ChangeState.WAITING, ChangeState.APPLIED, ChangeState.OVERTAKEN},
}
"""Which of a set's changes a decision about all of it means."""
_OF_ITS_OWN: Final = {
    Verdict.APPLY: {*_OF_A_SET[Verdict.APPLY], ChangeState.IGNORED},
    Verdict.IGNORE: _OF_A_SET[Verdict.IGNORE],
    Verdict.ROLL_BACK: _OF_A_SET[Verdict.ROLL_BACK],
}


class WrongChange(ValueError):
    """Nothing can be decided here; the text says why."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of a decision."""

    changes: int
    """How many changes it settled."""
    left: list[str]
    """What it left as it is, and why, a line each."""


@transaction.atomic
def apply_changes(
    *, actor: str, reason: str = "", change_set: int | None = None, change: int | None = None
) -> Decided:
    """Let our services follow: by the list as it is now, and by the rule that each was priced by.

    Of a set what waits or was rolled back; a single change also when it was ignored. A change that a later
    one overtook, a new service, and what no price or limit can be made of are left, and reported. Raises
    `WrongChange`.
    """
    provider, found = _found(Verdict.APPLY, change_set=change_set, change=change)
    terms = terms_of(provider)
    subjects = Subjects({item.provider_service_id for item in found})
    newer = _newest(found)
    done, left = [], []
    for item in found:
        if item.kind == ChangeKind.NEW:
            left.append(f"{_named(item)}: a new service is imported, not applied")
            continue
        if newer[item.provider_service_id, item.aspect] != item.pk:
            left.append(f"{_named(item)}: overtaken by {newer[item.provider_service_id, item.aspect]}")
            continue
        trouble = ""
        for subject, effect in _effects(item, subjects, terms):
            trouble = effect.trouble or trouble
            subjects.give(item, subject, effect)
        if trouble:
            left.append(f"{_named(item)}: {trouble}")
        else:
            done.append(item)
    subjects.services.write()
    _decide(done, Verdict.APPLY, ChangeState.APPLIED, actor=actor, reason=reason)
    return Decided(len(done), left)


@transaction.atomic
def ignore_changes(
    *, actor: str, reason: str = "", change_set: int | None = None, change: int | None = None
) -> Decided:
    """Let our services stay as they are, and take back what was done to them as a precaution.

    Raises `WrongChange`.
    """
    _, found = _found(Verdict.IGNORE, change_set=change_set, change=change)
    left = _taken_back(found)
    done = [item for item in found if item.pk not in left]
    _decide(done, Verdict.IGNORE, ChangeState.IGNORED, actor=actor, reason=reason)
    return Decided(len(done), _lines(left))


@transaction.atomic
def roll_back(
    *, actor: str, reason: str = "", change_set: int | None = None, change: int | None = None
) -> Decided:
    """Give our services back every field that the changes gave another value; orders stay as they are.

    A field that something later touched, a person or another change, stays and is reported. Doing it again
    does nothing more. Raises `WrongChange`.
    """
    _, found = _found(Verdict.ROLL_BACK, change_set=change_set, change=change)
    edited = set(
        ServiceEdit.objects.filter(change__in=found, undone_at=None).values_list("change_id", flat=True)
    )
    # What has no edit of ours to take back, such as a new service that waits to be imported, is left alone.
    found = [item for item in found if item.pk in edited]
    left = _taken_back(found)
    done = [item for item in found if item.pk not in left]
    _decide(done, Verdict.ROLL_BACK, ChangeState.ROLLED_BACK, actor=actor, reason=reason)
    return Decided(len(done), _lines(left))


@transaction.atomic
def foresee(*, change_set_id: int) -> dict[int, list[tuple[Subject, Effect]]]:
    """What applying the changes of a set that wait would do to each of our services now, by change."""
    waiting = Change.objects.filter(change_set=change_set_id, state=ChangeState.WAITING)
    changes = list(waiting.select_related("provider_service__provider").order_by("pk"))
    subjects = Subjects({item.provider_service_id for item in changes})
    return {
        change.pk: list(_effects(change, subjects, terms_of(change.provider_service.provider)))
        for change in changes
    }


def _effects(change: Change, subjects: Subjects, terms: Terms) -> Iterator[tuple[Subject, Effect]]:
    """What a change does to each service of ours that hangs on its offer, by the list as it is now."""
    before = {name: restored(name, value) for name, value in change.before.items()}
    for subject in subjects.of(change.provider_service_id):
        yield (
            subject,
            effect_of(
                ChangeKind(change.kind), before, offer=change.provider_service, terms=terms, subject=subject
            ),
        )


def _found(verdict: Verdict, *, change_set: int | None, change: int | None) -> tuple[Provider, list[Change]]:
    """The changes that a decision is about, in order, and their provider, locked."""
    chosen = Change.objects.select_related("provider_service").order_by("pk")
    if change is not None:
        chosen, states = chosen.filter(pk=change), _OF_ITS_OWN[verdict]
        sets = ChangeSet.objects.filter(changes=change)
    else:
        chosen, states = chosen.filter(change_set=change_set), _OF_A_SET[verdict]
        sets = ChangeSet.objects.filter(pk__in=[change_set])
    found = sets.first()
    if found is None:
        what = f"change set {change_set}" if change is None else f"change {change}"
        raise WrongChange(f"there is no {what}")
    provider = Provider.objects.select_for_update(no_key=True).get(pk=found.provider_id)
    # A statement of its own after the lock, so that it sees what another person has just decided.
    changes = list(chosen)
    meant = [item for item in changes if item.state in states]
    if change is not None and not meant:
        state = ChangeState(changes[0].state)
        raise WrongChange(f"change {change} is {state.replace('_', ' ')}: {state.label.lower()}")
    return provider, meant


def _newest(changes: Sequence[Change]) -> dict[tuple[int, str], int]:
    """The last change of each aspect of the offers that these changes are about."""
    rows = (
        Change.objects.filter(provider_service__in={item.provider_service_id for item in changes})
        .values_list("provider_service_id", "aspect")
        .annotate(newest=Max("pk"))
    )
    return {(offer, aspect): newest for offer, aspect, newest in rows}


def _taken_back(changes: Sequence[Change]) -> dict[int, list[str]]:
    """Take back the edits of these changes; returns why those stayed that had to, by the change."""
    return undo(ServiceEdit.objects.filter(change__in=changes, undone_at=None))


def _decide(
    changes: Collection[Change], verdict: Verdict, state: ChangeState, *, actor: str, reason: str
) -> None:
    if not changes:
        return
    decision = ChangeDecision.objects.create(
        change_set_id=next(iter(changes)).change_set_id,
        verdict=verdict,
        actor=actor,
        reason=reason[:LONGEST_REASON_CHARACTERS],
        changes=len(changes),
    )
    Change.objects.filter(pk__in=[item.pk for item in changes]).update(state=state, decision=decision)


def _named(change: Change) -> str:
    return f"change {change.pk} ({change.kind} of {change.provider_service.external_id})"


def _lines(left: dict[int, list[str]]) -> list[str]:
    return [line for lines in left.values() for line in lines]
