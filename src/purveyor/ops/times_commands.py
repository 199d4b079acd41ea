"""Commands about times: how long services take, what is promised of them, for how long money lasts."""

from decimal import Decimal

import click

from purveyor.ops.terminal import Amount, CommandGroup, actor, panel_database, say
from purveyor.orders.promises import LONGEST_PROMISE_MINUTES


@click.command()
@click.argument("service_id", metavar="[SERVICE]", type=int, required=False)
def times(*, service_id: int | None) -> None:
    """Show how long services take by the latest completed orders; of one SERVICE also each route."""
    with panel_database():
        from purveyor.ops import timings

        for line in timings.all_services() if service_id is None else timings.one_service(service_id):
            say(line)


@click.group(cls=CommandGroup)
def promise() -> None:
    """Promised times: set, clear, list, asked, answer."""


@promise.command("set")
@click.argument("service_id", metavar="SERVICE", type=int)
@click.option(
    "--minutes", type=click.IntRange(1, LONGEST_PROMISE_MINUTES), required=True, help="From order to end."
)
@click.option("--per-1000", "per_thousand", is_flag=True, help="The minutes are for each thousand begun.")
@click.option(
    "--past",
    type=click.Choice(["ask", "tell", "cancel", "reroute"]),
    required=True,
    help="What happens to an order past it: staff decide, it is only told, it is canceled, or another "
    "provider delivers what remains.",
)
def set_promise(*, service_id: int, minutes: int, per_thousand: bool, past: str) -> None:
    """Promise when orders of SERVICE will be complete. Earlier orders keep the time they were promised."""
    with panel_database():
        from purveyor.catalog.service_settings import find
        from purveyor.ops import timings
        from purveyor.orders import promising
        from purveyor.orders.models import PastPromise

        found = find(service_id)
        promising.set_promise(
            service=found, minutes=minutes, per_thousand=per_thousand, past=PastPromise(past)
        )
        for line in timings.promises(service_id=found.pk):
            say(line)


@promise.command("clear")
@click.argument("service_id", metavar="SERVICE", type=int)
def clear_promise(*, service_id: int) -> None:
    """Promise nothing of SERVICE any more; its orders under way have no consequences to fear."""
    with panel_database():
        from purveyor.catalog.service_settings import find
        from purveyor.orders import promising

        found = find(service_id)
        was_promised = promising.clear_promise(service=found)
        say(f"{found}: nothing is promised any more" if was_promised else f"{found}: nothing was promised")


@promise.command("list")
def list_promises() -> None:
    """List what is promised, and what happens past it."""
    with panel_database():
        from purveyor.ops import timings

        for line in timings.promises():
            say(line)


@promise.command("asked")
def list_asked() -> None:
    """List the late orders of which staff decide, the one that waits longest first."""
    with panel_database():
        from purveyor.ops import timings

        for line in timings.asked():
            say(line)


@promise.command("answer")
@click.argument("order_id", metavar="ORDER", type=int)
@click.argument("choice", type=click.Choice(["wait", "cancel"]))
def answer(*, order_id: int, choice: str) -> None:
    """Let the late ORDER go on, or ask for its cancel; money returns once its provider has confirmed that."""
    with panel_database():
        from purveyor.providers.following import late_orders

        late_orders.answer(order_id=order_id, cancel=choice == "cancel", actor=actor())
        say(
            f"Order {order_id} goes on"
            if choice == "wait"
            else f"The cancel of order {order_id} is asked for"
        )


@click.command()
def forecast() -> None:
    """Show for how long our balance with each provider will last, and what held orders need."""
    with panel_database():
        from purveyor.ops import funds

        for line in funds.lines():
            say(line)


@click.command("low-balance")
@click.argument("provider")
@click.option("--hours", type=Amount(), help="Low when it lasts for less; absent: never for that.")
@click.option("--amount", type=Amount(), help="Low below it, in the provider's currency; absent: never.")
def low_balance(*, provider: str, hours: Decimal | None, amount: Decimal | None) -> None:
    """Say from when on our balance with PROVIDER is low."""
    with panel_database():
        from purveyor.ops import funds

        say(funds.set_limits(provider, hours=hours, amount=amount))
