"""The operator's command line: `purveyor`."""

import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NoReturn

import click

from purveyor import configuration
from purveyor.configuration import WrongSetting
from purveyor.ops import trouble

INTERRUPTED = 130  # exit status, as shells have it for Ctrl-C


def main() -> NoReturn:
    """Run the command that was typed; what the operator can mend is said in one line, with exit status 1."""
    # The data folder is private to its user, and so is every file made in it.
    os.umask(0o077)
    try:
        sys.exit(commands.main(prog_name="purveyor", standalone_mode=False))
    except click.ClickException as wrong_use:
        wrong_use.show()
        sys.exit(wrong_use.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except Exception as error:
        line = trouble.in_one_line(error, embedded_in=_embedded_home())
        if line is None:
            raise
        click.echo(f"purveyor: {line}", err=True)
        sys.exit(1)


def _embedded_home() -> Path | None:
    try:
        settings = configuration.current()
    except WrongSetting:
        return None
    return settings.home if settings.embedded else None


class _Amount(click.ParamType[Decimal]):
    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            return Decimal(value)
        except InvalidOperation:
            self.fail(f"{value!r} is not an amount such as 25 or -3.50", param, ctx)


def say(text: str) -> None:
    """Tell the operator something at once, also through a pipe."""
    click.echo(text)
    sys.stdout.flush()


def _say_to_whoever_listens(text: str) -> None:
    # The terminal may be gone, or the pipe's reader: no reason for a panel to stop.
    with suppress(OSError):
        say(text)


@contextmanager
def _panel() -> Iterator[None]:
    from purveyor.ops import migrating, panel

    with panel.database():
        migrating.require_migrated()
        yield


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="purveyor", message="%(prog)s %(version)s")
def commands() -> None:
    """Run a Purveyor panel. Settings come from the environment; docs/settings.md lists them."""
    configuration.current()


@commands.command()
@click.option(
    "--with-parent",
    is_flag=True,
    help="Stop also when the process that started this one (make) dies or is interrupted.",
)
def up(*, with_parent: bool) -> None:
    """Start everything: database, migrations, demo, site, API, worker."""
    from purveyor.ops.up import up as start_everything

    start_everything(say=_say_to_whoever_listens, with_parent=with_parent)


@commands.command()
def serve() -> None:
    """Serve site and API on one port."""
    from purveyor.ops import serving

    with _database_of_children():
        serving.serve()


@commands.command()
def worker() -> None:
    """Hand orders to providers and follow them."""
    with _database_of_children():
        import logging

        from purveyor import logs
        from purveyor.ops import panel

        panel.prepare_django()
        from purveyor.providers import worker as fulfilment

        logs.configure(form=configuration.current().log_form, least=logging.INFO, stream=sys.stdout)
        fulfilment.run()


@contextmanager
def _database_of_children() -> Iterator[None]:
    """The database for `serve` and `worker`: found ready under `up`, checked when started by themselves."""
    from purveyor.ops import lifeline, panel

    if lifeline.hold_to_supervisor():
        yield
        return
    with _panel():
        panel.close_connections()
        yield


@commands.command()
def simulate() -> None:
    """Be the simulated provider of the demo."""
    from purveyor.ops import lifeline, simulation

    lifeline.hold_to_supervisor()
    simulation.simulate()


@commands.command()
def migrate() -> None:
    """Bring the database's tables up to date."""
    from purveyor.ops import migrating, panel

    with panel.database(say=say, may_be_new=True):
        migrating.migrate(say=say)
        say("The database is up to date.")


@commands.command()
def audit() -> None:
    """Prove that every cent and every order adds up; exit status 1 if not."""
    with _panel():
        from purveyor.ops.audit import audit as prove

        holds = prove(say=say)
    if not holds:
        sys.exit(1)


@commands.command()
def demo() -> None:
    """Put the demo's people, key and catalogue into the database."""
    with _panel():
        from purveyor.ops.demo import make_demo

        make_demo(say=say)


@commands.group()
def customer() -> None:
    """Customers: create, credit, suspend, activate."""


@customer.command("create")
@click.argument("email")
@click.option("--name", default="", help="Shown to staff.")
def create_customer(*, email: str, name: str) -> None:
    """Make a customer; the password is printed once."""
    with _panel():
        import secrets

        from purveyor.accounts import people

        password = secrets.token_urlsafe(12)
        made = people.create_customer(email=email, password=password, name=name)
        say(f"Made the customer {made.user.email} with the password {password}")


@customer.command("credit", context_settings={"ignore_unknown_options": True})
@click.argument("email")
@click.argument("amount", type=_Amount())
@click.option("--reason", required=True, help="Why; kept with the transfer.")
def credit_customer(*, email: str, amount: Decimal, reason: str) -> None:
    """Put AMOUNT on a customer's balance: 25 adds 25, and -3.50 takes 3.50 off, written just so."""
    with _panel():
        from purveyor.accounts import people

        found = people.find_customer(email)
        people.credit(customer=found, amount=amount, reason=reason, actor=_actor())
        balance = people.balances([found.pk])[found.pk]
        say(
            f"The balance of {found.user.email} is {balance.normalize():f} {configuration.current().currency}"
        )


@customer.command("suspend")
@click.argument("email")
def suspend_customer(*, email: str) -> None:
    """Close the panel to a customer; orders under way go on."""
    with _panel():
        from purveyor.accounts import people

        found = people.find_customer(email)
        people.suspend(customer=found)
        say(f"{found.user.email} is suspended")


@customer.command("activate")
@click.argument("email")
def activate_customer(*, email: str) -> None:
    """Open the panel to a suspended customer again."""
    with _panel():
        from purveyor.accounts import people

        found = people.find_customer(email)
        people.activate(customer=found)
        say(f"{found.user.email} is active")


@commands.group()
def key() -> None:
    """API keys: create, revoke, list."""


@key.command("create")
@click.argument("email")
@click.option("--name", default="", help="To tell several keys apart.")
def create_key(*, email: str, name: str) -> None:
    """Make an API key for a customer; it is printed once."""
    with _panel():
        from purveyor.accounts import keys, people

        _, text = keys.create_key(customer=people.find_customer(email), name=name)
        say(text)


@key.command("revoke")
@click.argument("key")
def revoke_key(*, key: str) -> None:
    """Make KEY worthless: the whole key, or its first 8 characters as `purveyor key list` shows them."""
    with _panel():
        from purveyor.accounts import keys

        revoked = keys.revoke_key(prefix=key)
        say(f"The key {revoked.prefix}… of {revoked.customer} is revoked")


@key.command("list")
@click.argument("email", required=False)
def list_keys(*, email: str | None) -> None:
    """List the API keys of a customer, or all of them."""
    with _panel():
        from purveyor.accounts import people
        from purveyor.accounts.models import ApiKey

        found = ApiKey.objects.select_related("customer__user").order_by("pk")
        if email is not None:
            found = found.filter(customer=people.find_customer(email))
        for entry in found:
            state = f"revoked {entry.revoked_at:%Y-%m-%d %H:%M}" if entry.revoked_at else "live"
            used = f"last used {entry.last_used_at:%Y-%m-%d %H:%M}" if entry.last_used_at else "never used"
            say(f"{entry.prefix}…  {state}  {used}  {entry.customer}  {entry.name}".rstrip())


@commands.group()
def unknown() -> None:
    """Hand-overs of which nobody knows whether the provider took the order: list, placed, not-placed."""


@unknown.command("list")
def list_unknown() -> None:
    """List the hand-overs to settle, oldest first, with the provider's last answer."""
    with _panel():
        from purveyor.ops import unsettled

        for line in unsettled.lines():
            say(line)


@unknown.command("placed")
@click.argument("fulfilment", type=int)
@click.argument("external_id")
def settle_placed(*, fulfilment: int, external_id: str) -> None:
    """The provider did take it, as its order EXTERNAL_ID: FULFILMENT is followed and costs what it should."""
    with _panel():
        from purveyor.ops import unsettled
        from purveyor.providers.settling import settle_as_placed

        found = unsettled.find(fulfilment)
        settle_as_placed(fulfilment=found, external_id=external_id, actor=_actor())
        say(f"Order {found.order_id} is followed as order {external_id.strip()} of {found.provider}")


@unknown.command("not-placed")
@click.argument("fulfilment", type=int)
def settle_not_placed(*, fulfilment: int) -> None:
    """The provider did not take it: the order of FULFILMENT goes back to the queue."""
    with _panel():
        from purveyor.ops import unsettled
        from purveyor.providers.settling import settle_as_not_placed

        found = unsettled.find(fulfilment)
        settle_as_not_placed(fulfilment=found, actor=_actor())
        found.order.refresh_from_db()
        say(f"Order {found.order_id} was not placed at {found.provider}; it is {found.order.status} now")


def _actor() -> str:
    return f"{getpass.getuser()} (command line)"


if __name__ == "__main__":
    main()
