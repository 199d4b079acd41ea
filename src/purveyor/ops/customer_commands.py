"""Commands about customers and their API keys."""

from decimal import Decimal

import click

from purveyor import configuration
from purveyor.ops.terminal import (
    Amount,
    CommandGroup,
    actor,
    in_one_line,
    key_state,
    panel_database,
    say,
    table,
)


@click.group(cls=CommandGroup)
def customer() -> None:
    """Customers: create, credit, suspend, activate."""


@customer.command("create")
@click.argument("email")
@click.option("--name", default="", help="Shown to staff.")
def create_customer(*, email: str, name: str) -> None:
    """Make a customer; the password is printed once."""
    with panel_database():
        import secrets

        from purveyor.accounts import people

        password = secrets.token_urlsafe(12)
        made = people.create_customer(email=email, password=password, name=name)
        say(f"Made the customer {made.user.email} with the password {password}")


@customer.command("credit", context_settings={"ignore_unknown_options": True})
@click.argument("email")
@click.argument("amount", type=Amount())
@click.option("--reason", required=True, help="Why; kept with the transfer.")
def credit_customer(*, email: str, amount: Decimal, reason: str) -> None:
    """Put AMOUNT on a customer's balance: 25 adds 25, and -3.50 takes 3.50 off, written just so."""
    with panel_database():
        from purveyor.accounts import people

        found = people.find_customer(email)
        people.credit(customer=found, amount=amount, reason=reason, actor=actor())
        balance = people.balances([found.pk])[found.pk]
        say(
            f"The balance of {found.user.email} is {balance.normalize():f} {configuration.current().currency}"
        )


@customer.command("suspend")
@click.argument("email")
def suspend_customer(*, email: str) -> None:
    """Close the panel to a customer; orders under way go on."""
    with panel_database():
        from purveyor.accounts import people

        found = people.find_customer(email)
        people.suspend(customer=found)
        say(f"{found.user.email} is suspended")


@customer.command("activate")
@click.argument("email")
def activate_customer(*, email: str) -> None:
    """Open the panel to a suspended customer again."""
    with panel_database():
        from purveyor.accounts import people

        found = people.find_customer(email)
        people.activate(customer=found)
        say(f"{found.user.email} is active")


@click.group(cls=CommandGroup)
def key() -> None:
    """API keys: create, revoke, list."""


@key.command("create")
@click.argument("email")
@click.option("--name", default="", help="To tell several keys apart.")
def create_key(*, email: str, name: str) -> None:
    """Make an API key for a customer; it is printed once."""
    with panel_database():
        from purveyor.accounts import keys, people

        _, text = keys.create_key(customer=people.find_customer(email), name=name)
        say(text)


@key.command("revoke")
@click.argument("key")
def revoke_key(*, key: str) -> None:
    """Make KEY worthless: the whole key, or its first 8 characters as `purveyor key list` shows them."""
    with panel_database():
        from purveyor.accounts import keys

        revoked = keys.revoke_key(prefix=key)
        say(f"The key {revoked.prefix}… of {revoked.customer} is revoked")


@key.command("list")
@click.argument("email", required=False)
def list_keys(*, email: str | None) -> None:
    """List the API keys of a customer, or all of them."""
    with panel_database():
        from purveyor.accounts import people
        from purveyor.accounts.models import ApiKey

        found = ApiKey.objects.select_related("customer__user").order_by("pk")
        if email is not None:
            found = found.filter(customer=people.find_customer(email))
        rows = [
            (f"{entry.prefix}…", *key_state(entry), str(entry.customer), in_one_line(entry.name))
            for entry in found
        ]
        for line in table(rows, none="There is no API key yet: `purveyor key create` makes one."):
            say(line)
