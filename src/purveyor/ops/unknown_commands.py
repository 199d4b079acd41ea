"""Commands that settle hand-overs of unknown outcome."""

import click

from purveyor.ops.terminal import CommandGroup, actor, panel_database, say


@click.group(cls=CommandGroup)
def unknown() -> None:
    """Hand-overs of which nobody knows whether the provider took the order: list, placed, not-placed."""


@unknown.command("list")
def list_unknown() -> None:
    """List the hand-overs to settle, oldest first, with the provider's last answer and the evidence."""
    with panel_database():
        from purveyor.ops import unsettled

        for line in unsettled.lines():
            say(line)


@unknown.command("placed")
@click.argument("fulfilment", metavar="HANDOVER", type=int)
@click.argument("external_id")
def settle_placed(*, fulfilment: int, external_id: str) -> None:
    """Say that the provider took HANDOVER as its order EXTERNAL_ID: it is followed, and costs as listed."""
    with panel_database():
        from purveyor.ops import unsettled
        from purveyor.providers.outcomes.settling import settle_as_placed

        found = unsettled.find(fulfilment)
        settle_as_placed(fulfilment=found, external_id=external_id, actor=actor())
        say(f"Order {found.order_id} is followed as order {external_id.strip()} of {found.provider}")


@unknown.command("not-placed")
@click.argument("fulfilment", metavar="HANDOVER", type=int)
def settle_not_placed(*, fulfilment: int) -> None:
    """Say that the provider did not take HANDOVER: its order goes back to the queue."""
    with panel_database():
        from purveyor.ops import unsettled
        from purveyor.providers.outcomes.settling import settle_as_not_placed

        found = unsettled.find(fulfilment)
        settle_as_not_placed(fulfilment=found, actor=actor())
        found.order.refresh_from_db()
        say(f"Order {found.order_id} was not placed at {found.provider}; it is {found.order.status} now")
