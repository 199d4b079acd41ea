"""Commands that set how a service's orders are taken."""

import click

from purveyor.ops.terminal import CommandGroup, panel_database, say


@click.group(cls=CommandGroup)
def service() -> None:
    """Services: how their orders are taken."""


@service.command("same-link")
@click.argument("service_id", metavar="SERVICE", type=int)
@click.argument("choice", type=click.Choice(["queue", "refuse"]))
def set_same_link(*, service_id: int, choice: str) -> None:
    """Say what becomes of a second order for a link of SERVICE: it waits for the first, or is refused."""
    with panel_database():
        from purveyor.catalog.service_settings import queue_same_link

        found = queue_same_link(service_id=service_id, wanted=choice == "queue")
        does = "waits for the first to end" if choice == "queue" else "is refused"
        say(f"A second order for a link {does}: {found}")


@service.command("posts")
@click.argument("service_id", metavar="SERVICE", type=int)
@click.option("--by", "posts_service_id", type=int, help="The Default service whose routes deliver them.")
@click.option("--by-provider", is_flag=True, help="Hand subscriptions over to a provider again.")
def set_posts(*, service_id: int, posts_service_id: int | None, by_provider: bool) -> None:
    """Say who serves posts of subscriptions to SERVICE: post events, or the provider that follows them."""
    if (posts_service_id is None) is not by_provider:
        raise click.UsageError("say either --by or --by-provider")
    with panel_database():
        from purveyor.catalog.service_settings import feed

        found = feed(service_id=service_id, posts_service_id=posts_service_id)
        does = "by a provider" if by_provider else f"from post events, by service {posts_service_id}"
        say(f"Posts are served {does}: {found}")


@service.command("finish-rest")
@click.argument("service_id", metavar="SERVICE", type=int)
@click.argument("choice", type=click.Choice(["never", "rule", "ask"]))
def set_finish_rest(*, service_id: int, choice: str) -> None:
    """Say whether another provider delivers what one left of orders of SERVICE: never, by rule, if asked."""
    with panel_database():
        from purveyor.catalog.models import FinishRest
        from purveyor.catalog.service_settings import finish_rest

        found = finish_rest(service_id=service_id, choice=FinishRest(choice))
        does = {
            "never": "is not finished elsewhere",
            "rule": "goes to another provider at once",
            "ask": "goes to another provider if that is asked for",
        }[choice]
        say(f"The rest of an order {does}: {found}")


@service.command("refills")
@click.argument("service_id", metavar="SERVICE", type=int)
@click.argument("choice", type=click.Choice(["provider", "elsewhere", "hand"]))
def set_refills(*, service_id: int, choice: str) -> None:
    """Say who delivers refills of SERVICE: its provider only, another where that one refuses, or staff."""
    with panel_database():
        from purveyor.catalog.models import RefillBy
        from purveyor.catalog.service_settings import refill_by

        found = refill_by(service_id=service_id, choice=RefillBy(choice))
        who = {
            "provider": "the provider alone",
            "elsewhere": "the provider, or by whom staff choose where it refuses",
            "hand": "staff",
        }[choice]
        say(f"Refills are delivered by {who}: {found}")
