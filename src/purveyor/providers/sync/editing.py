"""Services of ours being edited by changes of providers' lists: locked, edited in memory, written at once."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any, Final

from purveyor.catalog.models import Service
from purveyor.catalog.updates import ServiceChange, Shown, note_changes
from purveyor.database import as_json, fetch_all, hot_cursor, id_array, load_sql
from purveyor.providers.models import Change, ImportedService
from purveyor.providers.sync.differences import Value
from purveyor.providers.sync.effects import Effect, Subject
from purveyor.providers.sync.importing import Categories

_SQL: Final = load_sql(__file__, "editing.sql")
EDITABLE: Final = (
    "category_id",
    "name",
    "description",
    "rate",
    "min",
    "max",
    "refill",
    "cancel",
    "dripfeed",
    "enabled",
)
"""The columns of a service that a change may give another value. Its type is never one of them."""


def stored(value: Value) -> Value:
    """A value as JSON keeps it: decimals as text, in the same text whatever zeros they end with."""
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value


def restored(field: str, value: Any) -> Any:
    """A value as it was before JSON."""
    return Decimal(value) if field == "rate" else value


class EditedServices:
    """Services of ours, locked in order of id, and what becomes of them."""

    def __init__(self, service_ids: Collection[int]) -> None:
        services = Service.objects.filter(pk__in=service_ids).order_by("pk")
        locked = services.select_for_update(no_key=True, of=("self",)).select_related("category")
        self.by_id = {service.pk: service for service in locked}
        self._before = {pk: _values(service) for pk, service in self.by_id.items()}
        self._made_rates: dict[int, Decimal] = {}
        self._edits: list[tuple[Change, dict[str, Any]]] = []

    def set(self, service_id: int, field: str, value: Any) -> None:
        """Give a column another value."""
        setattr(self.by_id[service_id], field, value)

    def remember_rate(self, service_id: int, rate: Decimal) -> None:
        """Note that a service's rate is the sync's own, and not a person's."""
        self._made_rates[service_id] = rate

    def edit(self, change: Change, service_id: int, field: str, value: Any, *, over_hand: bool) -> None:
        """Give a column another value because of a change, and keep both."""
        entry = {
            "service_id": service_id,
            "field": field,
            "before": stored(getattr(self.by_id[service_id], field)),
            "after": stored(value),
            "over_hand": over_hand,
        }
        self._edits.append((change, entry))
        self.set(service_id, field, value)
        if field == "rate":
            self.remember_rate(service_id, value)

    def write(self) -> None:
        """Write services and edits, and tell customers; the changes must be there by now."""
        edited = [
            (service, self._before[pk])
            for pk, service in self.by_id.items()
            if _values(service) != self._before[pk]
        ]
        with hot_cursor() as cursor:
            if edited:
                rows = [{"id": service.pk, **_values(service)} for service, _ in edited]
                cursor.execute(_SQL["write_services"].encode(), {"services": as_json(rows)})
            if self._made_rates:
                rates = [{"id": pk, "rate": rate} for pk, rate in self._made_rates.items()]
                cursor.execute(_SQL["write_rates"].encode(), {"rates": as_json(rates)})
            if self._edits:
                edits = [
                    {"place": place, "change_id": change.pk, **entry}
                    for place, (change, entry) in enumerate(self._edits)
                ]
                cursor.execute(_SQL["write_edits"].encode(), {"edits": as_json(edits)})
        note_changes(
            ServiceChange(
                service.pk,
                Shown(before["rate"], before["enabled"]),
                Shown(service.rate, service.enabled),
            )
            for service, before in edited
        )


class Subjects:
    """The services of ours that hang on some offers."""

    def __init__(self, offers: Iterable[int]) -> None:
        hanging = fetch_all(_SQL["services"], {"offers": id_array(offers)})
        self.services = EditedServices({row.service_id for row in hanging})
        ids = id_array(self.services.by_id)
        imported = ImportedService.objects.in_bulk(list(self.services.by_id))
        switched_off = {row.service_id for row in fetch_all(_SQL["switched_off"], {"services": ids})}
        still_open: dict[int, set[int]] = defaultdict(set)
        for row in fetch_all(_SQL["open_routes"], {"services": ids}):
            still_open[row.service_id].add(row.offer_id)
        self._of_offer: dict[int, list[Subject]] = defaultdict(list)
        self._of_service: dict[int, list[Subject]] = defaultdict(list)
        for row in sorted(hanging):
            found = imported.get(row.service_id)
            subject = Subject(
                service=self.services.by_id[row.service_id],
                imported=found if found and found.provider_service_id == row.offer_id else None,
                off_by_sync=row.service_id in switched_off,
                elsewhere=bool(still_open[row.service_id] - {row.offer_id}),
            )
            self._of_offer[row.offer_id].append(subject)
            self._of_service[row.service_id].append(subject)
        self._categories: Categories | None = None

    def of(self, offer_id: int) -> list[Subject]:
        """The services that hang on this offer."""
        return self._of_offer.get(offer_id, [])

    def give(self, change: Change, subject: Subject, effect: Effect) -> None:
        """Let an effect take place."""
        for name, value in effect.edits.items():
            field, wanted = name, value
            if name == "category":
                self._categories = self._categories or Categories()
                category = self._categories.named(str(value))
                field, wanted = "category_id", category.pk
            self.services.edit(change, subject.service.pk, field, wanted, over_hand=effect.over_hand)
            if name == "enabled":
                for same in self._of_service[subject.service.pk]:
                    same.off_by_sync = not value


def _values(service: Service) -> dict[str, Any]:
    return {field: getattr(service, field) for field in EDITABLE}
