"""Commands that set how a service's orders are taken."""

import click

from purveyor.ops.terminal import panel_database, say


@click.group()
def service() -> None:
    """Services: how their orders are taken."""


@service.command("same-link")
@click.argument("service_id", metavar="SERVICE", type=int)
@click.argument("choice", type=click.Choice(["queue", "refuse"]))
def set_same_link(*, service_id: int, choice: str) -> None:
    """What becomes of a second order for a link of SERVICE: it waits for the first to end, or is refused."""
    with panel_database():
        from purveyor.catalog.service_settings import queue_same_link

        found = queue_same_link(service_id=service_id, wanted=choice == "queue")
        does = "waits for the first to end" if choice == "queue" else "is refused"
        say(f"A second order for a link {does}: {found}")
