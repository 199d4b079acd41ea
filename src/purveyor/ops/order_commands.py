"""Commands about single orders."""

import click

from purveyor.ops.terminal import panel_database, say


@click.group()
def order() -> None:
    """Single orders: explain."""


@order.command("explain")
@click.argument("order_id", metavar="ORDER", type=int)
@click.option("--for-customer", is_flag=True, help="Show only what the customer may see.")
def explain(*, order_id: int, for_customer: bool) -> None:
    """Tell the story of ORDER line by line: its price, every exchange with providers, every transfer."""
    with panel_database():
        from purveyor.ops import stories

        for line in stories.story(order_id, for_customer=for_customer):
            say(line)
