"""Edits of our services taken back, as far as nothing newer stands in their place."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from django.utils import timezone

from purveyor.catalog.models import Category
from purveyor.providers.models import ServiceEdit
from purveyor.providers.sync.editing import EditedServices, restored, stored

_LIMITS: Final = frozenset({"min", "max"})


def undo(edits: Iterable[ServiceEdit]) -> dict[int, list[str]]:
    """Give every edited field the value from before, newest edit first, in a transaction.

    A field stays where a later change edited it, where it holds another value than the edit gave it, or where
    its old value fits the service no more. Returns a line for each that stays, by the id of its change.
    """
    chosen = sorted(edits, key=lambda edit: -edit.pk)
    services = EditedServices({edit.service_id for edit in chosen})
    categories = set(Category.objects.values_list("pk", flat=True))
    later = _later(chosen)
    undone: list[ServiceEdit] = []
    left: dict[int, list[str]] = defaultdict(list)
    for edit in chosen:
        why = _why_not(edit, services, later, categories)
        if why:
            left[edit.change_id].append(f"service {edit.service_id}: {edit.field} stays, {why}")
            continue
        services.set(edit.service_id, edit.field, restored(edit.field, edit.before))
        later[edit.service_id, edit.field].remove(edit.pk)
        undone.append(edit)
    for edit in _unfit(undone, services):
        services.set(edit.service_id, edit.field, restored(edit.field, edit.after))
        left[edit.change_id].append(
            f"service {edit.service_id}: {edit.field} stays, {edit.before} does not fit the other limit"
        )
        undone.remove(edit)
    for edit in undone:
        if edit.field == "rate" and not edit.over_hand:
            services.remember_rate(edit.service_id, restored("rate", edit.before))
    services.write()
    ServiceEdit.objects.filter(pk__in=[edit.pk for edit in undone]).update(undone_at=timezone.now())
    return dict(left)


def _later(edits: list[ServiceEdit]) -> dict[tuple[int, str], list[int]]:
    """Every edit that still holds of each edited field, these and later ones, oldest first."""
    found: dict[tuple[int, str], list[int]] = defaultdict(list)
    rows = ServiceEdit.objects.filter(
        service__in={edit.service_id for edit in edits},
        pk__gte=min((edit.pk for edit in edits), default=0),
        undone_at=None,
    ).order_by("pk")
    for pk, service_id, field in rows.values_list("pk", "service_id", "field"):
        found[service_id, field].append(pk)
    return found


def _why_not(
    edit: ServiceEdit,
    services: EditedServices,
    later: dict[tuple[int, str], list[int]],
    categories: set[int],
) -> str:
    if later[edit.service_id, edit.field][-1] != edit.pk:
        return "a later change edited it"
    now: Any = stored(getattr(services.by_id[edit.service_id], edit.field))
    if now != edit.after:
        return f"it is {now} by now and not {edit.after}"
    if edit.field == "category_id" and edit.before not in categories:
        return "the category from before is no more"
    return ""


def _unfit(undone: list[ServiceEdit], services: EditedServices) -> list[ServiceEdit]:
    """Of limits that were taken back, those that would leave a service with none between them."""
    wrong = {pk for pk, service in services.by_id.items() if service.min > service.max}
    return [edit for edit in undone if edit.service_id in wrong and edit.field in _LIMITS]
