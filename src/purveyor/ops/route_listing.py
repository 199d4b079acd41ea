"""A service's routes, as an operator sees them on the command line."""

from collections.abc import Iterator

from purveyor import configuration
from purveyor.catalog.models import Service
from purveyor.catalog.order_types import FORMS, OrderType
from purveyor.ops.terminal import in_one_line, table
from purveyor.ops.trouble import Trouble
from purveyor.providers.costs.margin import true_cost
from purveyor.providers.models import NEUTRAL_SCORE, Policy, Route, RouteQuality
from purveyor.providers.routes.arranging import policy_of
from purveyor.providers.standing.standing import standings
from purveyor.providers.sync.offers import terms_of


def lines(service: Service) -> Iterator[str]:
    """Describe the routes of a service by position: provider, true cost, floor, weight, score, state."""
    policy = policy_of(service)
    sticky = "; a link's next order goes where its last one went" if policy.sticky_per_link else ""
    yield f"{in_one_line(str(service))}  {Policy(policy.policy).label}{sticky}"
    routes = Route.objects.filter(service=service).select_related("provider_service__provider")
    scores = dict(RouteQuality.objects.filter(route__service=service).values_list("route_id", "score"))
    holds = {item.id: item.hold_reason for item in standings().values()}
    per = "order" if FORMS[OrderType(service.type)].is_package else "1000"
    rows = []
    for route in routes:
        offer = route.provider_service
        cost = true_cost(offer.rate, terms=terms_of(offer.provider))
        floor = route.margin_floor_percent
        told = (
            f"{route.pk}",
            f"position {route.position}",
            in_one_line(f"{offer.provider} {offer.external_id}"),
            f"{cost.normalize():f} {configuration.current().currency} per {per}",
            "no floor" if floor is None else f"floor {floor.normalize():f} %",
            f"weight {route.weight}",
            f"score {scores.get(route.pk, NEUTRAL_SCORE):.1f}",
            in_one_line(_state(route, holds[offer.provider_id])),
        )
        rows.append(told)
    yield from table(rows, none=f"Service {service.pk} has no route: its orders wait.")


def find_route(route_id: int) -> Route:
    """Return a route by its id. Raises `Trouble` where there is none."""
    found = Route.objects.select_related("service").filter(pk=route_id).first()
    if found is None:
        raise Trouble(f"there is no route {route_id}: `purveyor route list` shows their ids")
    return found


def _state(route: Route, hold_reason: str) -> str:
    if not route.enabled:
        return f"closed: {route.closed_reason}" if route.closed_reason else "switched off"
    if route.provider_service.gone_at is not None:
        return "closed: the provider lists it no more"
    if hold_reason:
        return f"waits: {hold_reason}"
    return "waits: its price is read again first" if route.provider_service.price_in_doubt else "open"
