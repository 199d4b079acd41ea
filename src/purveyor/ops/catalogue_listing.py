"""Imports and change sets, as an operator reads them on the command line."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from django.db.models import Count, Exists, OuterRef

from purveyor import configuration
from purveyor.catalog.models import Service
from purveyor.catalog.order_types import FORMS, OrderType
from purveyor.ops.terminal import counted, in_one_line, table
from purveyor.ops.trouble import Trouble
from purveyor.providers.models import (
    Change,
    ChangeSet,
    ChangeState,
    Provider,
    Rounding,
    ServiceEdit,
)
from purveyor.providers.sync.changing import foresee
from purveyor.providers.sync.editing import stored
from purveyor.providers.sync.effects import Effect, Subject
from purveyor.providers.sync.importing import Choice, Proposal, preview
from purveyor.providers.sync.pricing import PricingRule

SHOWN_TEXT_CHARACTERS = 60
"""Of a name or description in a list."""
SKIPPED: Final = {
    "exists": "a service of ours goes there already",
    "unknown type": "its type is unknown",
    "price": "it has no price that can be meant",
    "limits": "its limits are none",
}
"""Why an import passes a service over, in words."""


def choice_of(
    *, markup: Decimal, fixed: Decimal, step: Decimal, direction: str, below_cost: bool, **what: Any
) -> Choice:
    """What the options of an import choose. Raises `WrongPricing`."""
    pricing = PricingRule(
        markup_percent=markup, fixed=fixed, step=step, rounding=Rounding(direction), below_cost=below_cost
    )
    return Choice(pricing=pricing, **what)


def preview_lines(*, provider: Provider, choice: Choice) -> Iterator[str]:
    """What an import would make, at which price, and what it would pass over and why."""
    proposals = preview(provider=provider, choice=choice)
    yield from table(map(_proposed, proposals), none=f"{in_one_line(provider.name)} lists nothing.")
    made = sum(not proposal.skipped for proposal in proposals)
    yield f"{made} would be made, {len(proposals) - made} skipped."


def _proposed(proposal: Proposal) -> tuple[str, str, str, str]:
    offer = proposal.offer
    if proposal.service is None or proposal.cost is None or proposal.rate is None:
        price, remark = "", f"skipped: {SKIPPED[proposal.skipped]}"
    else:
        price = f"{_plain(proposal.cost)} → {_price(proposal.service)}"
        remark = f"into {in_one_line(proposal.category)}"
    return in_one_line(offer.external_id), _short(offer.name), price, remark


def made_lines(services: Sequence[Service]) -> Iterator[str]:
    """What an import has made, by our ids, which other commands take."""
    rows = [(f"{service.pk}", _short(service.name), _price(service)) for service in services]
    if rows:
        yield from table(rows, none="")
    yield (
        f"{counted(len(rows), 'service')} made."
        if rows
        else "Nothing made: `purveyor catalogue preview` says why."
    )


def _price(service: Service) -> str:
    per = "package" if FORMS[OrderType(service.type)].is_package else "1000"
    return f"{_plain(service.rate)} {configuration.current().currency} per {per}"


def set_lines(*, provider: Provider | None, number: int, everything: bool) -> Iterator[str]:
    """The newest change sets, of everything also those from which nothing of ours follows."""
    sets = ChangeSet.objects.select_related("provider").order_by("-pk")
    if provider is not None:
        sets = sets.filter(provider=provider)
    if not everything:
        felt = Change.objects.filter(change_set=OuterRef("pk")).exclude(state=ChangeState.NOTED)
        sets = sets.filter(Exists(felt))
    shown = list(sets[: number + 1])
    yield from map(set_line, shown[:number])
    if len(shown) > number:
        yield "There are older ones: ask for more with --limit."
    if not shown:
        yield "No list of a provider has changed." if everything else "No list has changed anything of yours."


def set_line(change_set: ChangeSet) -> str:
    """A change set, with how many of its changes are in which state."""
    states = Change.objects.filter(change_set=change_set).values_list("state")
    numbers = dict(states.annotate(number=Count("pk")).order_by())
    told = [f"{numbers[state]} {_word(state)}" for state in ChangeState.values if state in numbers]
    return f"{_title(change_set)}: {', '.join(told) or 'forgotten, as nothing of yours followed'}"


def change_lines(*, change_set_id: int, everything: bool) -> Iterator[str]:
    """Every change of a set, what it did to our services or would do, and who decided it.

    Raises `Trouble` where there is no such set.
    """
    change_set = ChangeSet.objects.select_related("provider").filter(pk=change_set_id).first()
    if change_set is None:
        raise Trouble(f"there is no change set {change_set_id}: `purveyor catalogue changes` lists them")
    yield _title(change_set)
    if change_set.shrunk:
        yield "More than half of the list was lost at once, so all of it waits."
    if change_set.terms is not None:
        told = (f"{_word(name)} {was} → {now}" for name, (was, now) in change_set.terms.items())
        yield f"Your terms changed: {', '.join(told)}. Below, what each service costs."
    for decision in change_set.decisions.order_by("pk"):
        why = f": {in_one_line(decision.reason)}" if decision.reason else ""
        what = f"{_word(decision.verdict)} {decision.changes} by {decision.actor}{why}"
        yield f"{decision.at:%Y-%m-%d %H:%M:%S} UTC  {what}"
    edits: dict[int, list[ServiceEdit]] = {}
    for edit in ServiceEdit.objects.filter(change__change_set=change_set).order_by("pk"):
        edits.setdefault(edit.change_id, []).append(edit)
    foreseen = foresee(change_set_id=change_set_id)
    changes = change_set.changes.select_related("provider_service").order_by("pk")
    shown = changes if everything else changes.exclude(state=ChangeState.NOTED)
    for change in shown:
        yield f"{change.pk}  {_of_provider(change)}  {_word(change.state)}"
        yield from _done(edits.get(change.pk, ()))
        yield from _to_do(foreseen.get(change.pk, ()))
    hidden = changes.count() - len(shown)
    if hidden:
        yield f"{hidden} more, from which nothing of ours follows: see them with --all."


def _done(edits: Iterable[ServiceEdit]) -> Iterator[str]:
    for edit in edits:
        back = ", taken back" if edit.undone_at else ""
        was, now = _short(edit.before), _short(edit.after)
        yield f"    service {edit.service_id}: {edit.field} {was} → {now}{back}"


def _to_do(effects: Iterable[tuple[Subject, Effect]]) -> Iterator[str]:
    for subject, effect in effects:
        for field, value in effect.edits.items():
            yield f"    service {subject.service.pk}: {field} would become {_short(stored(value))}"
        if effect.trouble:
            yield f"    service {subject.service.pk}: {effect.trouble}"


def _of_provider(change: Change) -> str:
    offer = change.provider_service
    what = f"{change.kind} {offer.external_id} {in_one_line(offer.name)}"
    fields = [name for name in change.after if name != "listed"] if change.before else []
    return "  ".join(
        [what, *(f"{_short(change.before[name])} → {_short(change.after[name])}" for name in fields)]
    )


def _title(change_set: ChangeSet) -> str:
    return (
        f"Change set {change_set.pk}  {in_one_line(change_set.provider.name)}  "
        f"{change_set.created_at:%Y-%m-%d %H:%M:%S} UTC"
    )


def _word(state: str) -> str:
    return state.replace("_", " ")


def _short(value: Any) -> str:
    text = in_one_line(str(value))
    return text if len(text) <= SHOWN_TEXT_CHARACTERS else f"{text[:SHOWN_TEXT_CHARACTERS]}…"


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
