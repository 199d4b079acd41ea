"""Routes of a service, seen and arranged on the command line."""

import re
from decimal import Decimal

import pytest
from click.testing import Result

from purveyor.catalog.order_types import OrderType
from purveyor.catalog.testing import make_service
from purveyor.providers.models import Policy, ProviderService, Route, RoutePolicy, RouteQuality
from purveyor.providers.standing.holds import Hold
from purveyor.providers.testing import make_provider, make_route
from tests.committed import committed
from tests.ops.test_cli import line_of, run


def cells(result: Result) -> list[str]:
    """The lines of a table without what makes its cells stand below each other."""
    return ["  ".join(re.split(" {2,}", line)) for line in result.output.splitlines()]


@pytest.fixture
def routes() -> list[Route]:
    """Two routes of a service: one plain, one of a provider with an own currency, bonus and fee."""
    service = make_service(name="Likes")
    plain = make_route(service, make_provider(name="Ann's panel"), external_id="7", rate="0.50")
    other = make_provider(
        name="Bob's panel", currency="EUR", fx_rate="1.2", top_up_bonus_percent="20", fee_percent="5"
    )
    return [
        plain,
        make_route(
            service, other, external_id="9", rate="0.40", position=1, weight=3, margin_floor_percent=None
        ),
    ]


@committed
def test_routes_are_listed_with_what_they_cost_and_how_they_do(routes: list[Route]) -> None:
    plain, other = routes
    RouteQuality.objects.create(route=other, score=81.26)
    assert cells(run("route", "list", str(plain.service_id))) == [
        f"{plain.service_id} Likes  The first that works, by position",
        f"{plain.pk}  position 0  Ann's panel 7  0.5 USD per 1000  floor 0 %  weight 1  score 70.0  open",
        f"{other.pk}  position 1  Bob's panel 9  0.42 USD per 1000  no floor  weight 3  score 81.3  open",
    ]


@committed
def test_the_list_tells_why_nothing_goes_a_way(routes: list[Route]) -> None:
    plain, other = routes
    third = make_route(plain.service, make_provider(), position=2)
    fourth = make_route(plain.service, make_provider(enabled=False), position=3)
    Route.objects.filter(pk=plain.pk).update(enabled=False, closed_reason="Not\n\x1bavailable")
    Route.objects.filter(pk=other.pk).update(enabled=False)
    ProviderService.objects.filter(routes=third).update(price_in_doubt=True)
    states = [
        line.rpartition("  ")[2] for line in run("route", "list", str(plain.service_id)).output.splitlines()
    ]
    assert states[1:] == [
        "closed: Not available",
        "switched off",
        "waits: its price is read again first",
        f"waits: {Hold.SWITCHED_OFF}",
    ]
    ProviderService.objects.filter(routes=fourth).update(gone_at="2026-01-01T00:00:00Z")
    output = run("route", "list", str(plain.service_id)).output
    assert output.endswith("  closed: the provider lists it no more\n")


@committed
def test_a_policy_is_chosen(routes: list[Route]) -> None:
    service = str(routes[0].service_id)
    assert run("route", "policy", service, "cheapest", "--sticky").output == (
        f"{service} Likes  The cheapest, by true cost; a link's next order goes where its last one went\n"
    )
    run("route", "policy", service, "weight")
    policy = RoutePolicy.objects.get()
    assert (policy.policy, policy.sticky_per_link) == (Policy.WEIGHT, True)
    run("route", "policy", service, "first", "--no-sticky")
    policy.refresh_from_db()
    assert (policy.policy, policy.sticky_per_link) == (Policy.FIRST, False)


@committed
def test_a_route_is_added_after_the_others(routes: list[Route]) -> None:
    provider = make_provider(name="Third panel")
    offer = make_route(make_service(), provider, external_id="12").provider_service
    service = routes[0].service_id
    output = run("route", "add", str(service), "Third panel", "12").output
    made = Route.objects.get(service_id=service, provider_service=offer)
    assert output == f"Route {made.pk} at position 2 of service {service}\n"
    assert (made.weight, made.margin_floor_percent, made.enabled) == (1, Decimal(0), True)


@committed
def test_the_first_route_of_a_service_is_at_position_0() -> None:
    offer = make_route(make_service(), make_provider(name="Panel"), external_id="12").provider_service
    service = make_service()
    assert run("route", "add", str(service.pk), "Panel", offer.external_id).exit_code == 0
    assert Route.objects.get(service=service).position == 0


@committed
def test_a_route_that_cannot_be_is_refused_in_words(routes: list[Route]) -> None:
    provider = make_provider(name="Third panel")
    comments = make_service(OrderType.CUSTOM_COMMENTS)
    make_route(comments, provider, external_id="12")
    gone = make_route(make_service(), provider, external_id="13").provider_service
    ProviderService.objects.filter(pk=gone.pk).update(gone_at="2026-01-01T00:00:00Z")
    service = str(routes[0].service_id)
    for words, reason in [
        (("99999999", "Third panel", "12"), "there is no service 99999999"),
        (
            (service, "Nobody", "12"),
            "there is no provider 'Nobody': `purveyor provider list` shows their names",
        ),
        ((service, "Third panel", "99"), "Third panel lists no service 99"),
        ((service, "Third panel", "13"), "Third panel lists no service 13"),
        (
            (service, "Third panel", "12"),
            "Third panel lists service 12 as Custom Comments, and ours is Default",
        ),
        ((service, "Ann's panel", "7"), f"service {service} has that route already"),
    ]:
        assert line_of(run("route", "add", *words)) == reason


@committed
def test_a_change_of_nothing_is_asked_back(routes: list[Route]) -> None:
    refused = run("route", "set", str(routes[0].pk))
    assert (refused.exit_code, "say what is to change" in refused.output) == (2, True)


@committed
def test_a_route_is_changed_as_far_as_said(routes: list[Route]) -> None:
    plain, _ = routes
    Route.objects.filter(pk=plain.pk).update(enabled=False, closed_reason="It is disabled")
    lines = cells(run("route", "set", str(plain.pk), "--floor", "12.5", "--weight", "4", "--enable"))
    assert lines[1].startswith(
        f"{plain.pk}  position 0  Ann's panel 7  0.5 USD per 1000  floor 12.5 %  weight 4"
    )
    plain.refresh_from_db()
    assert (plain.margin_floor_percent, plain.weight, plain.position) == (Decimal("12.5"), 4, 0)
    assert (plain.enabled, plain.closed_reason) == (True, "")
    run("route", "set", str(plain.pk), "--floor", "none", "--position", "5", "--disable")
    plain.refresh_from_db()
    assert (plain.margin_floor_percent, plain.weight, plain.position) == (None, 4, 5)
    assert plain.enabled is False


@committed
@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--floor", "101"), "a floor lies between 0 and 100 percent of the charge, and 101 does not"),
        (("--floor", "-1"), "a floor lies between 0 and 100 percent of the charge, and -1 does not"),
        (("--weight", "-1"), "a weight lies between 0 and 1000000, and -1 does not"),
        (("--position", "32768"), "a position lies between 0 and 32767, and 32768 does not"),
    ],
)
def test_what_a_route_cannot_be_changes_nothing(
    routes: list[Route], words: tuple[str, str], reason: str
) -> None:
    plain, _ = routes
    assert line_of(run("route", "set", str(plain.pk), "--disable", *words)) == reason
    plain.refresh_from_db()
    assert (plain.enabled, plain.weight, plain.position, plain.margin_floor_percent) == (
        True,
        1,
        0,
        Decimal(0),
    )


@committed
def test_a_route_that_does_not_exist_is_named() -> None:
    assert line_of(run("route", "set", "99999999", "--weight", "1")) == (
        "there is no route 99999999: `purveyor route list` shows their ids"
    )
    service = make_service()
    assert run("route", "list", str(service.pk)).output.splitlines()[1] == (
        f"Service {service.pk} has no route: its orders wait."
    )
