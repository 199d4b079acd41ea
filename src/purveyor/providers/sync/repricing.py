"""Our terms with a provider changed: what its services cost us moves, and our rates as by a list of its."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import transaction

from purveyor.providers.costs.margin import Terms, true_cost
from purveyor.providers.models import ChangeKind, ChangeSet, ImportedService, Provider, ProviderService
from purveyor.providers.standing.provider_settings import change_provider
from purveyor.providers.sync.deciding import write_change_set
from purveyor.providers.sync.differences import Difference
from purveyor.providers.sync.editing import stored
from purveyor.providers.sync.effects import moves_rate
from purveyor.providers.sync.offers import terms_of


@transaction.atomic
def change_and_reprice(provider: Provider, changes: Mapping[str, Any]) -> ChangeSet | None:
    """Set what `changes` names of a provider, and let our rates follow its cost as the rules say.

    Returns the change set that another exchange rate, bonus or fee made, None where no rate follows. Raises
    `ProviderSettingError`.
    """
    before = terms_of(Provider.objects.select_for_update(no_key=True, of=("self",)).get(pk=provider.pk))
    changed = change_provider(provider, changes)
    terms = terms_of(changed)
    if terms == before:
        return None
    imports = list(
        ImportedService.objects.filter(provider_service__provider=changed)
        .select_related("provider_service")
        .order_by("provider_service")
    )
    found = list(_differences(imports, before, terms))
    if not found:
        return None
    offers = {one.provider_service.external_id: one.provider_service for one in imports}
    return write_change_set(provider=changed, found=found, offers=offers, terms_before=before)


def _differences(imports: Sequence[ImportedService], before: Terms, terms: Terms) -> Iterator[Difference]:
    """What each offer costs us more or less, gone ones too, where the rate of a service follows."""
    moved: dict[int, ProviderService] = {
        one.provider_service_id: one.provider_service
        for one in imports
        if moves_rate({}, offer=one.provider_service, terms_before=before, terms=terms, imported=one)
    }
    for offer in moved.values():
        was, now = true_cost(offer.rate, terms=before), true_cost(offer.rate, terms=terms)
        yield Difference(
            external_id=offer.external_id,
            kind=ChangeKind.DEARER if now > was else ChangeKind.CHEAPER,
            before={"cost": stored(was)},
            after={"cost": stored(now)},
        )
