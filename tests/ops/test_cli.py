import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from purveyor import configuration
from purveyor.accounts import keys
from purveyor.accounts.models import ApiKey, Customer, CustomerStatus, User
from purveyor.accounts.testing import balance_of, make_customer
from purveyor.money.models import Adjustment
from purveyor.ops import cli, simulation, trouble
from purveyor.ops.terminal import table
from purveyor.ops.up import share_demo_settings
from tests.committed import committed
from tests.ops.processes import WHOLE_COMMAND_SECONDS, environment, free_port


def run(*words: str) -> Result:
    return CliRunner().invoke(cli.commands, words, prog_name="purveyor")


def line_of(result: Result) -> str | None:
    assert result.exception is not None
    return trouble.in_one_line(result.exception, embedded_in=None)


def test_the_help_shows_every_command() -> None:
    shown = run("--help").output
    for command in (
        "up",
        "serve",
        "worker",
        "simulate",
        "migrate",
        "audit",
        "customer",
        "desk",
        "key",
        "provider",
        "unknown",
        "demo",
    ):
        assert f"\n  {command} " in shown


def groups(of: click.Group) -> Iterator[click.Group]:
    """A group of commands and all within it."""
    yield of
    for command in of.commands.values():
        if isinstance(command, click.Group):
            yield from groups(command)


def test_lists_of_commands_show_what_each_does_to_the_end() -> None:
    for group in groups(cli.commands):
        _, _, commands = group.get_help(click.Context(group, terminal_width=80)).partition("\nCommands:\n")
        assert commands
        assert "..." not in commands
    assert "Call NAME again at once: it was topped up, or what made us wait is settled." in " ".join(
        run("provider", "--help").output.split()
    )


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("audit", "--nope"), "no such option '--nope' (see `purveyor audit --help`)"),
        (
            ("route", "policy", "1", "best"),
            "invalid value for '{first|cheapest|weight|score}': 'best' is not ",
        ),
        (("provider", "log"), "say a provider's NAME or --order (see `purveyor provider log --help`)"),
        (("nope",), "no such command 'nope' (see `purveyor --help`)"),
    ],
)
def test_what_is_typed_wrongly_is_said_in_one_line(words: tuple[str, ...], line: str) -> None:
    ended = purveyor(*words)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"purveyor: {line}")
    assert len(ended.stderr.splitlines()) == 1


def test_a_group_by_itself_shows_its_help() -> None:
    ended = purveyor("provider")
    assert ended.returncode == 2
    assert "  use-again  Call NAME again at once" in ended.stderr


def test_cells_of_a_table_stand_below_each_other() -> None:
    assert list(table([("1", "first", "x"), ("20", "second", "")], none="")) == [
        "1   first   x",
        "20  second",
    ]
    assert list(table([], none="Nothing is there.")) == ["Nothing is there."]


@committed
def test_a_customer_is_made_credited_and_suspended() -> None:
    made = run("customer", "create", "Buyer@Example.com", "--name", "A buyer")
    customer = Customer.objects.get()
    email, password = made.output.split()[3], made.output.split()[-1]
    assert email == "buyer@example.com"
    assert User.objects.get(email=email).check_password(password)
    assert User.objects.get().name == "A buyer"

    assert run("customer", "credit", email, "12.5", "--reason", "bank transfer 7").output == (
        "The balance of buyer@example.com is 12.5 USD\n"
    )
    assert run("customer", "credit", email, "-2.25", "--reason", "typo").exit_code == 0
    assert balance_of(customer) == Decimal("10.25")
    entry = Adjustment.objects.earliest("pk")
    assert entry.reason == "bank transfer 7"
    assert entry.actor.endswith("(command line)")

    assert run("customer", "suspend", email).output == "buyer@example.com is suspended\n"
    customer.refresh_from_db()
    assert customer.status == CustomerStatus.SUSPENDED
    assert run("customer", "activate", email).output == "buyer@example.com is active\n"
    customer.refresh_from_db()
    assert customer.status == CustomerStatus.ACTIVE


@committed
def test_a_negative_amount_is_written_just_so() -> None:
    customer = make_customer("10", email="buyer@example.com")
    for amount in ("-5", "-.5", "-1e0"):
        assert run("customer", "credit", "buyer@example.com", amount, "--reason", "x").exit_code == 0
    assert run("customer", "credit", "--reason", "x", "buyer@example.com", "-1").exit_code == 0
    assert balance_of(customer) == Decimal("2.5")
    assert "-3.50 takes 3.50 off" in " ".join(run("customer", "credit", "--help").output.split())


@committed
def test_what_the_rooms_refuse_is_one_line() -> None:
    make_customer("5", email="buyer@example.com")
    refusals = {
        (
            "customer",
            "create",
            "buyer@example.com",
        ): "there is an account with the e-mail address buyer@example.com",
        (
            "customer",
            "credit",
            "nobody@example.com",
            "1",
            "--reason",
            "x",
        ): "there is no customer with the e-mail",
        ("customer", "credit", "buyer@example.com", "0", "--reason", "x"): "an amount other than zero",
        ("customer", "credit", "buyer@example.com", "1e30", "--reason", "x"): "an amount below",
        (
            "customer",
            "credit",
            "buyer@example.com",
            "99999999999999999999",
            "--reason",
            "x",
        ): "an amount below",
        ("customer", "credit", "buyer@example.com", "1", "--reason", " "): "needs a reason",
        ("customer", "credit", "buyer@example.com", "-5.01", "--reason", "x"): "",
        ("key", "revoke", "00000000"): "no live key begins with 00000000",
        ("key", "revoke", "0000"): "'0000' is too short",
        ("unknown", "placed", "7", "1"): "there is no hand-over 7",
        ("unknown", "not-placed", "99999999999999999999"): "there is no hand-over 9999",
    }
    for words, expected in refusals.items():
        line = line_of(run(*words))
        assert line is not None, words
        assert expected in line
        assert "\n" not in line
    assert balance_of(Customer.objects.get()) == Decimal(5)


@pytest.mark.parametrize("amount", ["five", "NaN", "Infinity"])
def test_a_credit_needs_a_reason_and_an_amount(amount: str) -> None:
    assert run("customer", "credit", "buyer@example.com", "5").exit_code == 2
    refused = run("customer", "credit", "buyer@example.com", amount, "--reason", "x")
    assert "is not an amount" in refused.output


@committed
def test_a_key_is_shown_once_listed_and_revoked() -> None:
    make_customer(email="buyer@example.com")
    other = make_customer(email="other@example.com")
    keys.create_key(customer=other)
    text = run("key", "create", "buyer@example.com", "--name", "shop").output.strip()
    assert list(keys.holders([keys.digest(text)])) == [keys.digest(text)]
    listed = run("key", "list", "buyer@example.com").output
    assert listed == f"{text[:8]}…  live  never used  buyer@example.com  shop\n"
    assert len(run("key", "list").output.splitlines()) == 2
    assert run("key", "revoke", text).output == f"The key {text[:8]}… of buyer@example.com is revoked\n"
    assert keys.holders([keys.digest(text)]) == {}
    assert "revoked 20" in run("key", "list", "buyer@example.com").output
    assert ApiKey.objects.count() == 2


@committed
def test_the_audit_s_exit_status_says_whether_the_books_are_right(monkeypatch: pytest.MonkeyPatch) -> None:
    from purveyor.money.audit import Check
    from purveyor.ops import audit

    assert run("audit").exit_code == 0
    wrong = Check(name="wrong", explanation="Nothing is.", sql="SELECT 1 AS one")
    monkeypatch.setattr(audit.audit, "__kwdefaults__", {"rooms": [("Money", [wrong])]})
    result = run("audit")
    assert result.exit_code == 1
    assert "1 of 1 checks are violated." in result.output


@committed
def test_the_database_is_found_up_to_date() -> None:
    assert run("migrate").output.splitlines()[-1] == "The database is up to date."


def purveyor(*words: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "purveyor.ops.cli", *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=WHOLE_COMMAND_SECONDS,
        env=environment(**settings),
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"PORT": "80x"}, "PORT must be a whole number from 1 to 65535, not '80x'"),
        ({"DATABASE_URL": ""}, "DATABASE_URL is set but empty"),
        ({"PURVEYOR_HOST": "0.0.0.0"}, "PURVEYOR_ALLOWED_HOSTS is missing"),
        (
            {"DATABASE_URL": "postgresql://u:sesame@127.0.0.1:1/d"},
            "the database cannot be used: connection failed",
        ),
        ({"PURVEYOR_HOME": "/dev/null"}, "/dev/null is not a folder"),
        ({"PURVEYOR_HOME": "/dev/null/home"}, "/dev/null/home cannot be used"),
        ({"PURVEYOR_HOST": "192.0.2.1"}, "PURVEYOR_HOST 192.0.2.1 is no address"),
    ],
    ids=lambda value: (
        " ".join(f"{name}={text}" for name, text in value.items()) if isinstance(value, dict) else ""
    ),
)
def test_up_says_what_is_wrong_in_one_line(settings: dict[str, str], words: str, tmp_path: Path) -> None:
    ended = purveyor("up", **({"PURVEYOR_HOME": str(tmp_path / "home"), "PORT": str(free_port())} | settings))
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith(f"purveyor: {words}")
    assert "sesame" not in ended.stderr


def test_a_taken_port_is_one_line_and_leaves_no_database(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = purveyor("up", PURVEYOR_HOME=str(tmp_path / "home"), PORT=str(port))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"purveyor: port {port} on 127.0.0.1 is taken by another program: "
        f"stop that one, or choose another port with PORT={port + 1}\n"
    )
    assert not (tmp_path / "home" / "database").exists()


def test_a_command_without_a_panel_says_so(tmp_path: Path) -> None:
    ended = purveyor("audit", PURVEYOR_HOME=str(tmp_path / "home"))
    assert ended.returncode == 1
    assert (
        ended.stderr == f"purveyor: there is no panel in {tmp_path}/home yet: start one with `purveyor up`\n"
    )
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("customer", "create", "caf\udce9@example.com"),
        ("provider", "add", "--key\udcff", "Upstream"),
        ("\udcff",),
    ],
)
def test_what_is_not_utf_8_is_refused_in_one_line(words: tuple[str, ...], tmp_path: Path) -> None:
    ended = purveyor(*words, PURVEYOR_HOME=str(tmp_path / "home"))
    assert ended.returncode == 2
    assert ended.stderr.endswith(" is not UTF-8 text\n")
    assert len(ended.stderr.splitlines()) == 1


def test_every_command_refuses_another_currency_than_that_of_the_books(tmp_path: Path) -> None:
    settings = {"PURVEYOR_HOME": str(tmp_path / "home"), "PORT": str(free_port())}
    assert purveyor("migrate", **settings, PURVEYOR_CURRENCY="EUR").returncode == 0
    for command in ("up", "serve", "worker", "migrate", "audit"):
        ended = purveyor(command, **settings)
        assert ended.returncode == 1
        assert ended.stderr == (
            "purveyor: the books are kept in EUR, but PURVEYOR_CURRENCY is USD: "
            "set PURVEYOR_CURRENCY=EUR, or use another database\n"
        )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder of its own, with nothing else set."""
    monkeypatch.setenv("PURVEYOR_REFILL_WAIT_HOURS", "")
    monkeypatch.delenv("PURVEYOR_REFILL_WAIT_HOURS")
    monkeypatch.setenv("PURVEYOR_HOME", str(tmp_path))
    configuration.current.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    configuration.current.cache_clear()


def test_a_command_has_the_settings_of_the_demo_beside_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    share_demo_settings()
    assert configuration.current().refill_wait_hours == 24
    simulation.settle(home)
    share_demo_settings()
    assert configuration.current().refill_wait_hours == 0
    monkeypatch.setenv("PURVEYOR_REFILL_WAIT_HOURS", "5")
    configuration.current.cache_clear()
    share_demo_settings()
    assert configuration.current().refill_wait_hours == 5


def test_a_panel_that_is_no_demo_keeps_its_settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    simulation.settle(home)
    monkeypatch.setenv("PURVEYOR_DEMO", "0")
    share_demo_settings()
    assert configuration.current().refill_wait_hours == 24


def test_a_simulated_provider_says_where_it_is(home: Path) -> None:
    place = simulation.settle(home)
    ended = purveyor("simulate", "--help", PURVEYOR_HOME=str(home))
    assert "with a PURVEYOR_HOME of its own another one" in " ".join(ended.stdout.split())
    with subprocess.Popen(
        [sys.executable, "-m", "purveyor.ops.cli", "simulate"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(PURVEYOR_HOME=str(home)),
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == (
            f"The simulated provider is at {place.url}; its key is in {home / 'simulator.json'}\n"
        )
        running.terminate()


def test_the_demo_command_runs_the_simulated_provider_for_itself(tmp_path: Path) -> None:
    settings = {"PURVEYOR_HOME": str(tmp_path / "home")}
    assert purveyor("migrate", **settings).returncode == 0
    first = purveyor("demo", **settings)
    assert first.returncode == 0, first.stderr
    assert "services from the simulated provider" in first.stdout
    found = json.loads((tmp_path / "home" / "demo.json").read_text(encoding="utf-8"))
    again = purveyor("demo", **settings)
    assert "The catalogue is there" in again.stdout
    assert json.loads((tmp_path / "home" / "demo.json").read_text(encoding="utf-8")) == found
