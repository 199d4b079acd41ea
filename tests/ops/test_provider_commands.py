"""Providers on the command line, against the simulated one over real HTTP."""

import re
from collections.abc import Iterator
from decimal import Decimal

import pytest
from click.testing import CliRunner, Result

from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Service
from purveyor.catalog.testing import make_service
from purveyor.ops import cli
from purveyor.orders.testing import place_one
from purveyor.providers.forgetting import forget_exchanges
from purveyor.providers.models import Attempt, ChangeSet, Provider
from purveyor.providers.outcomes.outcomes import Answered, record
from purveyor.providers.protocol.replies import Unclear
from purveyor.providers.sending.handing_over import hand_over
from purveyor.providers.standing.standing import Setback, note_setback, standings
from purveyor.providers.testing import NOBODY_LISTENS, make_provider, make_route
from purveyor.simulator.behaviours import Behaviour, Fault
from purveyor.simulator.testing import Simulator, running_simulator
from tests.committed import committed
from tests.ops.test_cli import line_of, run
from tests.providers.lists import keep, row, sell

pytestmark = committed


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with running_simulator(frozen=True, deposit=Decimal("12.50")) as simulator:
        yield simulator


@pytest.fixture
def upstream(simulator: Simulator) -> Provider:
    return make_provider(simulator.url, key=simulator.key, name="Upstream")


def run_with(text: str | bytes, *words: str) -> Result:
    """Type a command, with this on its standard input."""
    return CliRunner().invoke(cli.commands, words, input=text, prog_name="purveyor")


def now(provider: Provider) -> Provider:
    provider.refresh_from_db()
    return provider


def test_a_provider_is_added_and_its_connection_tried(simulator: Simulator) -> None:
    added = run_with(f"{simulator.key}\n", "provider", "add", "Upstream", simulator.url, "--private-address")
    assert added.output.splitlines() == ["Made the provider Upstream", "balance: the balance is 12.5 USD"]
    made = Provider.objects.get()
    assert (made.key, made.balance, made.wallet.name) == (simulator.key, Decimal("12.5"), "Upstream")
    assert simulator.key not in added.output


def test_the_key_may_come_from_the_environment(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PURVEYOR_PROVIDER_KEY", simulator.key)
    run("provider", "add", "Upstream", simulator.url, "--private-address")
    assert Provider.objects.get().key == simulator.key


def test_a_key_that_is_not_utf_8_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    piped = run_with(b"caf\xe9\n", "provider", "add", "Upstream", NOBODY_LISTENS)
    monkeypatch.setenv("PURVEYOR_PROVIDER_KEY", "caf\udce9")
    from_environment = run("provider", "add", "Upstream", NOBODY_LISTENS)
    for refused in (piped, from_environment):
        assert refused.exit_code == 2
        assert refused.output.endswith("Error: the API key is not UTF-8 text\n")
    assert not Provider.objects.exists()


def test_one_that_does_not_answer_is_kept_to_be_corrected() -> None:
    added = run_with("a-key\n", "provider", "add", "Upstream", NOBODY_LISTENS)
    assert "balance: there is no answer: 127.0.0.1 is not a public address" in added.output
    assert Provider.objects.get().name == "Upstream"
    again = run_with("a-key\n", "provider", "add", "Upstream", NOBODY_LISTENS)
    assert line_of(again) == "there is a provider 'Upstream' already"


def test_one_that_sells_in_another_currency_is_said(simulator: Simulator) -> None:
    simulator.script.always(
        "balance", Behaviour(fault=Fault.ARBITRARY, body='{"balance":"3","currency":"EUR"}')
    )
    added = run_with("k\n", "provider", "add", "Upstream", simulator.url, "--private-address")
    assert "It sells in EUR: say what one is worth in USD" in added.output
    assert Provider.objects.get().currency == "EUR"


def test_the_list_tells_state_and_why(upstream: Provider) -> None:
    make_provider(name="Another", enabled=False)
    run("provider", "test", "Upstream")
    lines = run("provider", "list").output.splitlines()
    assert lines[0].startswith("Another  http")
    assert lines[1] == "    balance unknown, in USD; switched off"
    assert lines[2] == f"Upstream  {upstream.url}"
    assert lines[3].startswith("    balance 12.5 USD at ")
    assert lines[3].endswith("; takes orders")
    note_setback(provider_id=upstream.pk, key=upstream.key, setback=Setback.OUT_OF_FUNDS)
    assert "; waits until " in (line := run("provider", "list").output.splitlines()[3])
    assert line.endswith(" UTC: The provider is out of funds; 3 troubles in a row")
    note_setback(provider_id=upstream.pk, key=upstream.key, setback=Setback.KEY_REFUSED)
    assert "it refuses the key" in run("provider", "list").output
    assert upstream.key not in run("provider", "list").output


def test_an_empty_list_says_what_to_do() -> None:
    assert "purveyor provider add" in run("provider", "list").output


def test_settings_are_changed_and_taken_back(upstream: Provider) -> None:
    words = "--field link=url --field key=token --extra lang=en --calls 90 --fee 2.5 --timeout 10 --disable"
    assert run("provider", "set", "Upstream", *words.split()).output.splitlines() == [
        "Upstream is set",
        "No rate of yours follows from that",
    ]
    assert now(upstream).field_names == {"link": "url", "key": "token"}
    assert (upstream.extra_fields, upstream.calls_per_minute) == ({"lang": "en"}, 90)
    assert (upstream.fee_percent, upstream.timeout_seconds, upstream.enabled) == (Decimal("2.5"), 10, False)
    run("provider", "set", "Upstream", "--field", "link=", "--calls", "none", "--enable")
    assert (now(upstream).field_names, upstream.calls_per_minute) == ({"key": "token"}, None)
    assert (upstream.enabled, upstream.timeout_seconds) == (True, 10)


def test_a_new_key_is_asked_for_and_a_wrong_setting_refused(upstream: Provider) -> None:
    run_with("another-key\n", "provider", "set", "Upstream", "--key")
    assert now(upstream).key == "another-key"
    refused = run("provider", "set", "Upstream", "--url", "nowhere")
    assert "is no address such as" in str(line_of(refused))
    too_long = run("provider", "set", "Upstream", "--timeout", "100000")
    assert line_of(too_long) == "timeout seconds must be from 1 to 600, not 100000"
    assert "NAME=VALUE" in run("provider", "set", "Upstream", "--field", "link").output
    assert "say what is to change" in run("provider", "set", "Upstream").output
    assert line_of(run("provider", "set", "Nobody", "--fee", "1")) == (
        "there is no provider 'Nobody': `purveyor provider list` shows their names"
    )


def test_other_terms_reprice_what_was_imported(upstream: Provider) -> None:
    keep(upstream, row(1), row(2), row(3))
    ours, *_ = sell(upstream)
    Service.objects.filter(pk=ours.pk).update(rate=7)
    told = run("provider", "set", "Upstream", "--fx", "1.5", "--fee", "10").output.splitlines()
    change_set = ChangeSet.objects.get().pk
    assert told[0] == "Upstream is set"
    assert re.fullmatch(
        rf"Change set {change_set}  Upstream  [-\d]+ [:\d]+ UTC: 1 waiting, 2 applied", told[1]
    )
    assert told[2:] == [f"`purveyor catalogue show {change_set}` tells what it means for your rates"]
    shown = run("catalogue", "show", str(change_set)).output.splitlines()
    assert (
        shown[1] == "Your terms changed: fx rate 1 → 1.5, fee percent 0 → 10. Below, what each service costs."
    )
    assert shown[3].endswith("dearer 1 Survey answers 1  0.9 → 1.485  waiting")
    assert shown[4] == f"    service {ours.pk}: rate would become 1.782"
    same = run("provider", "set", "Upstream", "--fx", "1.5", "--parallel", "3").output.splitlines()
    assert same == ["Upstream is set", "No rate of yours follows from that"]


def test_buying_twice_is_warned_of(upstream: Provider) -> None:
    words = ("provider", "set", "Upstream", "--takes-idempotency-key")
    asked = run_with("n\n", *words)
    assert "charge it twice" in asked.output
    assert not now(upstream).takes_idempotency_key
    run_with("y\n", *words)
    assert now(upstream).takes_idempotency_key
    run("provider", "set", "Upstream", "--no-idempotency-key")
    assert not now(upstream).takes_idempotency_key
    run(*words, "--yes")
    assert now(upstream).takes_idempotency_key


def test_a_test_says_what_was_understood(simulator: Simulator, upstream: Provider) -> None:
    tried = run("provider", "test", "Upstream")
    assert tried.exit_code == 0
    balance, services = tried.output.splitlines()
    assert balance == "balance: the balance is 12.5 USD"
    assert services.startswith("services: ")
    assert " services of " in services
    assert {call.action for call in simulator.requests} == {"balance", "services"}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault.BAD_KEY, "balance: it refuses (key): "),
        (Fault.HTML_PAGE, "balance: the answer cannot be used: HTTP status 200, no JSON in the reply"),
        (Behaviour(fault=Fault.ARBITRARY, http_status=302, body=""), "a redirect, which is never followed"),
        (Fault.DROP_WITHOUT_ACCEPTING, "balance: there is no answer: "),
    ],
    ids=["key", "page", "redirect", "dropped"],
)
def test_a_test_that_fails_says_why(
    simulator: Simulator, upstream: Provider, fault: Fault | Behaviour, said: str
) -> None:
    simulator.script.always("balance", fault)
    tried = run("provider", "test", "Upstream")
    assert tried.exit_code == 1
    assert said in tried.output
    assert "services: " in tried.output


def test_a_provider_is_used_again(upstream: Provider) -> None:
    note_setback(provider_id=upstream.pk, key=upstream.key, setback=Setback.KEY_REFUSED)
    assert not standings()[upstream.pk].callable
    assert run("provider", "use-again", "Upstream").output == "Upstream is called again\n"
    assert standings()[upstream.pk].sendable


def test_the_log_shows_exchanges_without_the_key_newest_first(upstream: Provider) -> None:
    service = make_service()
    make_route(service, upstream)
    customer = make_customer("100")
    for number in range(2):
        place_one(customer, service, quantity=100, link=f"https://example.com/{number}")
    sent = hand_over(busy={}).hand_overs
    told = f"<b>{upstream.key}</b>\n\x1b[2J"
    record([Answered(hand_over=item, reply=Unclear("?"), http_status=502, response=told) for item in sent])
    lines = run("provider", "log", "Upstream").output.splitlines()
    assert next(line for line in lines if "  order " in line).endswith(
        f"order {sent[1].order_id}  Upstream  unknown"
    )
    assert "    < HTTP 502  <b>[key]</b> [2J" in lines
    assert any("link=https://example.com/1" in line for line in lines)
    assert upstream.key not in "".join(lines)
    of_one = run("provider", "log", "--order", str(sent[0].order_id)).output
    assert of_one.count("  order ") == 1
    assert run("provider", "log", "Upstream", "--limit", "1").output.count("  order ") == 1
    assert "say a provider's NAME or --order" in run("provider", "log").output


def test_the_log_says_what_is_forgotten(upstream: Provider) -> None:
    assert run("provider", "log", "Upstream").output == "No exchange about an order is kept.\n"
    service = make_service()
    make_route(service, upstream)
    order = place_one(make_customer("100"), service, quantity=100)
    hand_over(busy={})
    Attempt.objects.update(request=None)
    assert forget_exchanges() == 0
    assert "what was said is forgotten" in run("provider", "log", "--order", str(order.pk)).output
