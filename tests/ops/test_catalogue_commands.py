"""Importing, syncing and deciding about changes on the command line."""

import re
from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.db.models.functions import Now

from purveyor.catalog.models import Service
from purveyor.ops.catalogue_commands import KINDS
from purveyor.providers.models import (
    Change,
    ChangeDecision,
    ChangeKind,
    ChangeSet,
    Provider,
    ProviderService,
    Verdict,
)
from purveyor.providers.sync.change_rules import rules_of
from purveyor.providers.testing import make_provider
from purveyor.simulator.testing import TEST_KEY, Simulator, running_simulator
from tests.committed import committed
from tests.ops.test_cli import line_of, run
from tests.providers.lists import keep, row, sell

pytestmark = committed


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with running_simulator(frozen=True) as simulator:
        yield simulator


@pytest.fixture
def provider() -> Provider:
    provider = make_provider(name="Upstream")
    keep(provider, row(1), row(2, category="Polls"), row(3, type="Riddle"))
    return provider


def catalogue(*words: str) -> list[str]:
    result = run("catalogue", *words)
    assert result.exit_code == 0, result
    return result.output.splitlines()


def test_what_an_import_would_make_is_shown_and_then_made(provider: Provider) -> None:
    assert catalogue("preview", "Upstream", "--markup", "20", "--round", "0.05", "--fixed", "0.02") == [
        "1  Survey answers 1  0.9 → 1.1 USD per 1000  into Surveys",
        "2  Survey answers 2  0.9 → 1.1 USD per 1000  into Polls",
        "3  Survey answers 3                          skipped: its type is unknown",
        "2 would be made, 1 skipped.",
    ]
    assert not Service.objects.exists()
    words = ("Upstream", "--markup", "20", "--category", "Polls", "--into", "Ours")
    told = catalogue("import", *words)
    service = Service.objects.select_related("category").get()
    assert (service.rate, service.category.name) == (Decimal("1.08"), "Ours")
    assert told == [f"{service.pk}  Survey answers 2  1.08 USD per 1000", "1 service made."]
    assert catalogue("import", *words) == ["Nothing made: `purveyor catalogue preview` says why."]
    assert catalogue("preview", *words) == [
        "2  Survey answers 2    skipped: a service of ours goes there already",
        "0 would be made, 1 skipped.",
    ]
    loss = ("Upstream", "--markup", "-50", "--below-cost", "--service", "1")
    assert catalogue("import", *loss)[-1] == "1 service made."
    assert Service.objects.latest("pk").rate == Decimal("0.45")


def test_what_cannot_be_imported_is_said_in_one_line(provider: Provider) -> None:
    make_provider(name="Just made")
    unread = run("catalogue", "preview", "Just made", "--markup", "1")
    assert line_of(unread) == (
        "the list of Just made was never read: `purveyor catalogue sync 'Just made'` reads it"
    )
    missing = run("catalogue", "import", "Upstream", "--markup", "1", "--service", "77")
    assert line_of(missing) == "Upstream does not list 77"
    wrong = run("catalogue", "import", "Upstream", "--markup", "1", "--round", "0")
    assert line_of(wrong) == "a step is positive and has at most 5 decimals"
    assert line_of(run("catalogue", "sync", "Nobody")) == (
        "there is no provider 'Nobody': `purveyor provider list` shows their names"
    )
    assert run("catalogue", "changes", "--limit", "-1").exit_code == 2


def test_a_sync_tells_what_it_found(simulator: Simulator) -> None:
    provider = make_provider(simulator.url, key=TEST_KEY, name="Upstream")
    (first,) = catalogue("sync", "Upstream")
    assert re.fullmatch(r"\d+ services listed: \d+ new, 0 changed, 0 gone; 0 rows unreadable", first)
    simulator.change_prices(Decimal("1.3"))
    second, told = catalogue("sync", "Upstream")
    assert re.fullmatch(r"(\d+) services listed: 0 new, \1 changed, 0 gone; 0 rows unreadable", second)
    assert told == f"The changes are change set {ChangeSet.objects.get().pk}"
    ProviderService.objects.create(provider=provider, external_id="x", rate=1, name="x", seen_at=Now())
    assert catalogue("sync", "Upstream")[1:] == [
        "1 are missing: gone if the list lacks them in 5 minutes, too"
    ]


def test_a_change_set_is_shown_applied_and_rolled_back(provider: Provider) -> None:
    assert catalogue("changes") == ["No list has changed anything of yours."]
    assert catalogue("changes", "--all") == ["No list of a provider has changed."]
    service = sell(provider)[0]
    keep(
        provider,
        row(1, rate="0.5", min=20, name="x\n\x1b" + "y" * 80),
        row(2, category="Polls"),
        row(4),
        row(3),
    )
    change_set = ChangeSet.objects.get().pk
    cheaper, smallest, renamed, new, riddle = Change.objects.order_by("pk").values_list("pk", flat=True)
    title, *rest = catalogue("changes", "--provider", "Upstream")
    assert rest == []
    assert re.fullmatch(
        rf"Change set {change_set}  Upstream  [-\d]+ [:\d]+ UTC: 1 noted, 3 waiting, 1 applied", title
    )
    name = "x " + "y" * 58 + "…"
    _, by_rule, *shown = catalogue("show", str(change_set))
    assert by_rule.endswith("  apply 1 by rule")
    long = "x " + "y" * 80
    assert shown == [
        f"{cheaper}  cheaper 1 {long}  0.9 → 0.5  waiting",
        f"    service {service.pk}: rate would become 0.6",
        f"{smallest}  min 1 {long}  10 → 20  applied",
        f"    service {service.pk}: min 10 → 20",
        f"{renamed}  renamed 1 {long}  Survey answers 1 → {name}  waiting",
        f"    service {service.pk}: name would become {name}",
        f"{new}  new 4 Survey answers 4  waiting",
        "1 more, from which nothing of ours follows: see them with --all.",
    ]
    assert f"{riddle}  type 3 Survey answers 3  Riddle → Default  noted" in catalogue(
        "show", str(change_set), "--all"
    )

    assert catalogue("apply", "--change", str(cheaper), "--reason", "cheap") == ["Applied 1 change"]
    assert catalogue("ignore", "--change", str(renamed)) == ["Ignored 1 change"]
    assert catalogue("rollback", str(change_set)) == ["Rolled back 2 changes"]
    service.refresh_from_db()
    assert (service.rate, service.min, service.name) == (Decimal("1.08"), 10, "Survey answers 1")
    decision = ChangeDecision.objects.get(reason="cheap")
    assert decision.actor.endswith(" (command line)")
    assert f"    service {service.pk}: min 10 → 20, taken back" in catalogue("show", str(change_set))

    Service.objects.update(rate=5)
    assert catalogue("apply", str(change_set)) == [
        "Applied 2 changes",
        f"Left: change {new} (new of 4): a new service is imported, not applied",
    ]


def test_sets_from_which_nothing_follows_are_shown_on_demand(provider: Provider) -> None:
    sell(provider)
    keep(provider, row(1, rate="0.90000001"), row(2, category="Polls"), row(3, type="Riddle"))
    keep(provider, row(1, rate="0.90000002"), row(2, category="Polls"), row(3, type="Riddle"))
    assert catalogue("changes")[0].endswith(": 1 applied")
    assert len(catalogue("changes")) == 1
    assert catalogue("changes", "--all")[0].endswith(": 1 noted")
    Change.objects.filter(state="noted").delete()
    assert catalogue("changes", "--all")[0].endswith(": forgotten, as nothing of yours followed")


def test_a_list_that_shrank_is_shown_as_such_and_old_sets_are_mentioned(provider: Provider) -> None:
    keep(provider, row(1))
    keep(provider, row(1, rate=2))
    first = ChangeSet.objects.earliest("pk").pk
    assert "More than half of the list was lost at once, so all of it waits." in catalogue("show", str(first))
    assert (
        catalogue("changes", "--all", "--limit", "1")[-1]
        == "There are older ones: ask for more with --limit."
    )


@pytest.mark.parametrize("verb", ["apply", "ignore", "rollback"])
def test_a_decision_is_about_a_set_or_a_change(verb: str) -> None:
    for words in ((), ("1", "--change", "2")):
        assert run("catalogue", verb, *words).exit_code == 2
    assert line_of(run("catalogue", verb, "404")) == "there is no change set 404"
    assert line_of(run("catalogue", verb, "--change", "404")) == "there is no change 404"


def test_a_set_that_is_not_there_is_said() -> None:
    assert line_of(run("catalogue", "show", "404")) == (
        "there is no change set 404: `purveyor catalogue changes` lists them"
    )


def test_rules_are_set_for_one_provider_or_all(provider: Provider) -> None:
    assert catalogue("rule", "Upstream", "cheaper", "apply") == [
        "From the next sync on, cheaper of Upstream: apply"
    ]
    assert catalogue("rule", "all", "gone", "wait") == ["From the next sync on, gone of every provider: wait"]
    rules = rules_of(provider.pk)
    assert (rules[ChangeKind.CHEAPER], rules[ChangeKind.GONE]) == (Verdict.APPLY, Verdict.WAIT)
    wrong = run("catalogue", "rule", "all", "new", "apply")
    assert line_of(wrong) == "a new service is imported, with a markup, and not applied by itself"


def test_a_rule_can_be_set_for_every_kind() -> None:
    assert sorted(KINDS) == sorted(ChangeKind.values)
