"""Commands about providers: who they are, how they are spoken to, and how they stand."""

import os
import shlex
import sys
from collections.abc import Callable
from typing import Any, Final

import click

from purveyor import configuration
from purveyor.ops.terminal import Amount, CommandGroup, in_one_line, panel_database, say

KEY_VARIABLE: Final = "PURVEYOR_PROVIDER_KEY"
"""Where a script puts the key: an argument could be read by every program on the machine."""
BUYS_TWICE: Final = (
    "With this the same `add` is sent again when its answer was lost. Only a Purveyor recognises it: "
    "any other panel would take it for a second order and charge it twice. Is this provider a Purveyor"
)
_Command = Callable[..., None]


@click.group(cls=CommandGroup)
def provider() -> None:
    """Providers: list, add, set, test, use-again, log."""


@provider.command("list")
def list_providers() -> None:
    """List the providers: address, balance, whether orders go to them and why not."""
    with panel_database():
        from purveyor.ops import provider_lines

        for line in provider_lines.lines():
            say(line)


@provider.command("add")
@click.argument("name")
@click.argument("url")
@click.option("--currency", help="That it sells in; the panel's unless it tells another.")
@click.option("--fx", "fx_rate", type=Amount(), help="Panel currency per unit of its currency.")
@click.option(
    "--method",
    type=click.Choice(["post_form", "get", "post_json"]),
    default="post_form",
    help="How it is called.",
)
@click.option("--private-address", "allow_private_address", is_flag=True, help="Its address may be private.")
def add_provider(*, name: str, url: str, **settings: Any) -> None:
    """Make the provider NAME, whose API is at URL, and ask for its balance. The key is asked for."""
    key = _ask_for_key()
    with panel_database():
        from purveyor.providers.standing import provider_settings

        currency = settings["currency"] or configuration.current().currency
        given = {field: value for field, value in settings.items() if value is not None}
        made = provider_settings.create_provider(
            name=name, url=url, key=key, **given | {"currency": currency}
        )
        say(f"Made the provider {made.name}")
        _test_balance(made)
        made.refresh_from_db()
        ours = configuration.current().currency
        if made.currency != ours and settings["fx_rate"] is None:
            say(
                f"It sells in {made.currency}: say what one is worth in {ours} with "
                f"`purveyor provider set {shlex.quote(made.name)} --fx`"
            )


def _settings(command: _Command) -> _Command:
    """Every setting of a provider as an option."""
    calls = _CallsPerMinute()
    percent = Amount()
    options = (
        click.option("--url", help="Where its API is."),
        click.option("--key", "new_key", is_flag=True, help="Ask for a new API key."),
        click.option("--currency", help="That it sells in."),
        click.option("--fx", "fx_rate", type=Amount(), help="Panel currency per unit of its currency."),
        click.option(
            "--bonus", "top_up_bonus_percent", type=percent, help="Percent it adds to our payments."
        ),
        click.option("--fee", "fee_percent", type=percent, help="Percent that payments to it cost."),
        click.option("--enable/--disable", "enabled", default=None, help="Whether orders go to it."),
        click.option("--method", type=click.Choice(["post_form", "get", "post_json"]), help="Of its calls."),
        click.option("--field", "field_names", multiple=True, help="OURS=THEIRS; OURS= takes it back."),
        click.option("--action", "action_names", multiple=True, help="OURS=THEIRS; OURS= takes it back."),
        click.option(
            "--extra", "extra_fields", multiple=True, help="NAME=VALUE with every call; NAME= ends it."
        ),
        click.option("--user-agent", help="Empty: that of the PHP example."),
        click.option("--timeout", "timeout_seconds", type=int, help="Seconds of a call."),
        click.option("--services-timeout", "services_timeout_seconds", type=int, help="Seconds of its list."),
        click.option("--parallel", "parallel_calls", type=int, help="Orders sent it at a time, by a worker."),
        click.option("--calls", "calls_per_minute", type=calls, help="Of every kind, in a minute; or none."),
        click.option("--status-calls", "status_calls_per_minute", type=calls, help="In a minute; or none."),
        click.option(
            "--private-address/--public-address",
            "allow_private_address",
            default=None,
            help="Whether its address may lie in a private network or on this machine.",
        ),
        click.option(
            "--takes-idempotency-key/--no-idempotency-key",
            "takes_idempotency_key",
            default=None,
            help="Only of a Purveyor: at any other panel orders would be bought twice.",
        ),
        click.option("--yes", is_flag=True, help="Ask nothing."),
    )
    for option in reversed(options):
        command = option(command)
    return command


class _CallsPerMinute(click.ParamType[int]):
    """A number of calls, or `none` for no limit, which is 0 here."""

    name = "number|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if str(value).lower() == "none":
            return 0
        try:
            number = int(value)
        except ValueError:
            number = 0
        return number if number > 0 else self.fail(f"{value!r} is neither a number nor none", param, ctx)


@provider.command("set")
@click.argument("name")
@_settings
def set_provider(*, name: str, new_key: bool, yes: bool, **given: Any) -> None:
    """Change settings of the provider NAME; those that are not named stay."""
    changes = {field: value for field, value in given.items() if value is not None and value != ()}
    if changes.get("takes_idempotency_key") and not yes and not click.confirm(BUYS_TWICE):
        raise click.ClickException("nothing was changed")
    if new_key:
        changes["key"] = _ask_for_key()
    with panel_database():
        from purveyor.ops import provider_lines
        from purveyor.ops.catalogue_listing import set_line
        from purveyor.providers.sync.repricing import change_and_reprice

        found = provider_lines.find(name)
        if not changes:
            raise click.UsageError("say what is to change")
        change_set = change_and_reprice(found, _as_stored(found, changes))
        say(f"{found.name} is set")
        if change_set is not None:
            say(set_line(change_set))
            say(f"`purveyor catalogue show {change_set.pk}` tells what it means for your rates")
        elif changes.keys() & {"fx_rate", "top_up_bonus_percent", "fee_percent"}:
            say("No rate of yours follows from that")
        if "url" in changes:
            say("The orders that it has already are asked about at the new address, too")


@provider.command("test")
@click.argument("name")
def test_provider(*, name: str) -> None:
    """Ask NAME for its balance and its services, and say what was understood. Nothing is bought."""
    with panel_database():
        from purveyor.ops import provider_lines
        from purveyor.providers.protocol.trying import try_services
        from purveyor.providers.standing.standing import access_of

        found = provider_lines.find(name)
        well = _test_balance(found)
        services = try_services(access_of(found))
        say(f"services: {in_one_line(services.words)}")
    if not (well and services.well):
        sys.exit(1)


@provider.command("use-again")
@click.argument("name")
def use_again(*, name: str) -> None:
    """Call NAME again at once: it was topped up, or what made us wait is settled."""
    with panel_database():
        from purveyor.ops import provider_lines
        from purveyor.providers.standing import standing

        found = provider_lines.find(name)
        standing.use_again(provider=found)
        state = "" if found.enabled else "; it is switched off, so no orders go to it"
        say(f"{found.name} is called again{state}")


@provider.command("log")
@click.argument("name", required=False)
@click.option("--order", "order_id", type=int, help="Only those about this order.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many to show."
)
def show_log(*, name: str | None, order_id: int | None, limit: int) -> None:
    """Show the last exchanges about orders with NAME, or about one order, newest first, without the key."""
    if name is None and order_id is None:
        raise click.UsageError("say a provider's NAME or --order")
    with panel_database():
        from purveyor.ops import provider_lines

        found = None if name is None else provider_lines.find(name)
        for line in provider_lines.exchanges(provider=found, order_id=order_id, last=limit):
            say(line)


def _ask_for_key() -> str:
    """The key from the environment, from a pipe, or from the person; it is never shown."""
    try:
        key = os.environ.get(KEY_VARIABLE, "") or _typed_key()
        key.encode()
    except UnicodeError:
        raise click.UsageError("the API key is not UTF-8 text") from None
    return key.strip()


def _typed_key() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("API key", hide_input=True))
    return sys.stdin.readline()


def _test_balance(found: Any) -> bool:
    """Say what the provider tells of our balance, and keep it."""
    from purveyor.providers.protocol.trying import try_balance
    from purveyor.providers.standing.standing import access_of
    from purveyor.providers.sync.syncing import keep_balance

    trial = try_balance(access_of(found))
    say(f"balance: {in_one_line(trial.words)}")
    if trial.well and trial.answer is not None:
        keep_balance(provider_id=found.pk, answer=trial.answer)
    return trial.well


def _as_stored(found: Any, changes: dict[str, Any]) -> dict[str, Any]:
    """What was typed, in the form that a provider's row has."""
    stored = dict(changes)
    for field in ("field_names", "action_names", "extra_fields"):
        if field in stored:
            stored[field] = _merged(getattr(found, field), stored[field])
    for field in ("calls_per_minute", "status_calls_per_minute"):
        if field in stored:
            stored[field] = stored[field] or None
    return stored


def _merged(before: dict[str, str], pairs: tuple[str, ...]) -> dict[str, str]:
    """A mapping with what `NAME=VALUE` says changed, and what `NAME=` says gone."""
    merged = dict(before)
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name:
            raise click.UsageError(f"{pair!r} is not NAME=VALUE")
        merged.pop(name, None)
        if value:
            merged[name] = value
    return merged
