"""Commands about refills that wait for staff, or that another provider is to deliver."""

import click

from purveyor.ops.terminal import CommandGroup, actor, in_one_line, panel_database, say, table


@click.group(cls=CommandGroup)
def refill() -> None:
    """Refills: list, complete, reject, elsewhere."""


@refill.command("list")
def list_refills() -> None:
    """List the refills that have not ended, oldest first, with who has each and why it waits."""
    with panel_database():
        from purveyor.providers.elsewhere.refilling import open_refills

        rows = [
            (
                f"{item.id}",
                f"order {item.order_id} of {item.ordered}",
                f"{item.asked_at:%Y-%m-%d %H:%M:%S} UTC",
                f"with {item.holder}" if item.holder else "for staff",
                in_one_line(item.link),
                in_one_line(f"{item.service}: {item.reason}" if item.reason else item.service),
            )
            for item in open_refills()
        ]
        for line in table(rows, none="No refill is open."):
            say(line)


@refill.command("complete")
@click.argument("refill_id", metavar="REFILL", type=int)
def complete(*, refill_id: int) -> None:
    """Say that REFILL was delivered by hand."""
    with panel_database():
        from purveyor.orders.models import RefillStatus
        from purveyor.providers.elsewhere.refilling import settle_by_hand

        settle_by_hand(refill_id=refill_id, status=RefillStatus.COMPLETED, actor=actor())
        say(f"Refill {refill_id} is Completed")


@refill.command("reject")
@click.argument("refill_id", metavar="REFILL", type=int)
@click.option("--reason", required=True, help="Why; its customer may read it.")
def reject(*, refill_id: int, reason: str) -> None:
    """Say that REFILL is not delivered."""
    with panel_database():
        from purveyor.orders.models import RefillStatus
        from purveyor.providers.elsewhere.refilling import settle_by_hand

        settle_by_hand(refill_id=refill_id, status=RefillStatus.REJECTED, reason=reason, actor=actor())
        say(f"Refill {refill_id} is Rejected")


@refill.command("elsewhere")
@click.argument("refill_id", metavar="REFILL", type=int)
@click.option("--quantity", type=int, required=True, help="How many were lost.")
@click.option("--route", "route_id", type=int, help="Of its service; empty: the cheapest other one.")
def send(*, refill_id: int, quantity: int, route_id: int | None) -> None:
    """Have another provider deliver REFILL, at our cost."""
    with panel_database():
        from purveyor.providers.elsewhere.refilling import send_elsewhere

        option = send_elsewhere(refill_id=refill_id, quantity=quantity, route_id=route_id, actor=actor())
        say(f"Refill {refill_id}: {quantity} go to {option.provider}, at our cost")
