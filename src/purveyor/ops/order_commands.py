"""Commands about single orders."""

import click

from purveyor.ops.terminal import CommandGroup, actor, panel_database, say


@click.group(cls=CommandGroup)
def order() -> None:
    """Single orders: explain, options, finish-elsewhere."""


@order.command("explain")
@click.argument("order_id", metavar="ORDER", type=int)
@click.option("--for-customer", is_flag=True, help="Show only what the customer may see.")
def explain(*, order_id: int, for_customer: bool) -> None:
    """Tell the story of ORDER line by line: its price, every exchange with providers, every transfer."""
    with panel_database():
        from purveyor.ops import stories

        for line in stories.story(order_id, for_customer=for_customer):
            say(line)


@order.command("finish-elsewhere")
@click.argument("order_id", metavar="ORDER", type=int)
def finish(*, order_id: int) -> None:
    """Have another provider deliver what remains of a Partial ORDER; its customer pays for that again."""
    with panel_database():
        from purveyor.providers.elsewhere.finishing import finish_elsewhere

        refusal = finish_elsewhere(order_id=order_id, actor=actor())
        if refusal is not None:
            raise refusal
        say(f"What remains of order {order_id} is charged again and goes to another provider")


@order.command("options")
@click.argument("order_id", metavar="ORDER", type=int)
def options(*, order_id: int) -> None:
    """Tell what can be asked for of ORDER: a refill, a cancel, its rest; why not, from when, until when."""
    with panel_database():
        from purveyor.ops.trouble import Trouble
        from purveyor.orders.askable import what_can_be_asked

        found = what_can_be_asked([order_id]).get(order_id)
        if found is None:
            raise Trouble(f"there is no order {order_id}")
        for name, answer in (("refill", found.refill), ("cancel", found.cancel), ("rest", found.finish)):
            told = "yes" if answer.refusal is None else f"no: {answer.refusal.reason}"
            if answer.from_when is not None:
                told += f"; from {answer.from_when:%Y-%m-%d %H:%M} UTC"
            if answer.until is not None:
                told += f" until {answer.until:%Y-%m-%d %H:%M} UTC"
            say(f"{name}  {told}")
