"""Commands about the routes by which a service's orders go to providers."""

from decimal import Decimal
from typing import Any

import click

from purveyor.ops.terminal import Amount, CommandGroup, actor, panel_database, say

NO_FLOOR = "none"


class Floor(Amount):
    """A margin floor as typed: percent of the charge, or none."""

    name = "floor"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The floor as a decimal, or `NO_FLOOR` where any loss is accepted."""
        return NO_FLOOR if value == NO_FLOOR else super().convert(value, param, ctx)


@click.group(cls=CommandGroup)
def route() -> None:
    """Routes of services to providers: list, policy, add, set."""


@route.command("list")
@click.argument("service", type=int)
def list_routes(*, service: int) -> None:
    """List the routes of SERVICE with their costs and scores, and how it chooses between them."""
    with panel_database():
        from purveyor.catalog import service_settings
        from purveyor.ops import route_listing

        for line in route_listing.lines(service_settings.find(service)):
            say(line)


@route.command("policy")
@click.argument("service", type=int)
@click.argument("policy", type=click.Choice(["first", "cheapest", "weight", "score"]))
@click.option("--sticky/--no-sticky", default=None, help="A link's next order goes where its last one went.")
def set_policy(*, service: int, policy: str, sticky: bool | None) -> None:
    """Let SERVICE choose between its routes by POLICY: first that works, cheapest, by weight, best score."""
    with panel_database():
        from purveyor.catalog import service_settings
        from purveyor.ops import route_listing
        from purveyor.providers.models import Policy
        from purveyor.providers.routes.arranging import choose_by

        found = service_settings.find(service)
        choose_by(service=found, policy=Policy(policy), sticky=sticky, actor=actor())
        say(next(route_listing.lines(found)))


@route.command("add")
@click.argument("service", type=int)
@click.argument("provider")
@click.argument("external_id")
def add(*, service: int, provider: str, external_id: str) -> None:
    """Let PROVIDER's service EXTERNAL_ID fulfil orders of SERVICE, after the routes that it has."""
    with panel_database():
        from purveyor.catalog import service_settings
        from purveyor.ops import provider_lines
        from purveyor.providers.routes.arranging import add_route

        found = service_settings.find(service)
        made = add_route(
            service=found, provider=provider_lines.find(provider), external_id=external_id, actor=actor()
        )
        say(f"Route {made.pk} at position {made.position} of service {found.pk}")


@route.command("set")
@click.argument("route", type=int)
@click.option("--floor", type=Floor(), help="What must be left of the charge, in percent; none: any loss.")
@click.option("--weight", type=int, help="Its share of the orders, by weight.")
@click.option("--position", type=int, help="Its place among the others, lowest first.")
@click.option("--enable/--disable", "enabled", default=None, help="Whether it takes orders.")
def change(
    *, route: int, floor: Decimal | str | None, weight: int | None, position: int | None, enabled: bool | None
) -> None:
    """Change ROUTE, named by its id: only what is given."""
    if (floor, weight, position, enabled) == (None, None, None, None):
        raise click.UsageError("say what is to change")
    with panel_database():
        from django.db import transaction

        from purveyor.ops import route_listing
        from purveyor.providers.routes import arranging

        found = route_listing.find_route(route)
        who = actor()
        with transaction.atomic():
            if floor is not None:
                percent = None if isinstance(floor, str) else floor
                arranging.set_floor(route=found, percent=percent, actor=who)
            if weight is not None:
                arranging.set_weight(route=found, weight=weight, actor=who)
            if position is not None:
                arranging.set_position(route=found, position=position, actor=who)
            if enabled is not None:
                (arranging.open_route if enabled else arranging.close_route)(route=found, actor=who)
        for line in route_listing.lines(found.service):
            say(line)
