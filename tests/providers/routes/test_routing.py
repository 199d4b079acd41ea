from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from purveyor.providers.costs.margin import Sale, Terms
from purveyor.providers.routes.routing import (
    Candidate,
    Decision,
    NobodyTakesIt,
    RouteOption,
    Wait,
    choose_route,
)
from purveyor.providers.standing.holds import Hold


def option(
    route_id: int,
    *,
    hold: str = "",
    smallest: int | None = 1,
    largest: int | None = 1000,
    rate: str = "1",
    floor: str | None = "0",
    **others: Any,
) -> RouteOption:
    return RouteOption(
        route_id=route_id,
        provider_id=route_id,
        provider=f"Provider {route_id}",
        external_id=str(route_id),
        rate=Decimal(rate),
        terms=Terms(fx_rate=Decimal(1)),
        margin_floor_percent=None if floor is None else Decimal(floor),
        min=smallest,
        max=largest,
        hold_reason=hold,
        **others,
    )


def sold(quantity: int, *, is_package: bool = False) -> Sale:
    """At 2 per 1000."""
    charge = Decimal(2) if is_package else Decimal(2) * quantity / 1000
    return Sale(charge=charge, quantity=quantity, is_package=is_package)


def decide(options: Sequence[RouteOption], **others: Any) -> Decision:
    usual: dict[str, Any] = {"order_id": 1, "refused_by": (), "sale": sold(100), "counts": True}
    return choose_route(options, **usual | others)


def taken(options: Sequence[RouteOption], **others: Any) -> int:
    choice = decide(options, **others).choice
    assert isinstance(choice, Candidate)
    return choice.option.route_id


BROKE = Hold.OUT_OF_FUNDS.value
SILENT = Hold.UNREACHABLE.value

CHOICES = [
    ("the first that works", [option(1), option(2)], (), 100, 1),
    ("past one that takes no orders now", [option(1, hold=BROKE), option(2)], (), 100, 2),
    ("past one that refused this order", [option(1), option(2)], {1}, 100, 2),
    ("past one with other limits", [option(1, largest=50), option(2)], (), 100, 2),
    ("past one with other limits", [option(1, smallest=500), option(2)], (), 100, 2),
    ("without limits everything fits", [option(1, smallest=None, largest=None)], (), 10**9, 1),
    ("past one at a loss", [option(1, rate="2.01"), option(2, rate="2")], (), 100, 2),
    ("past one below its own floor", [option(1, rate="1.9", floor="10"), option(2, rate="1.9")], (), 100, 2),
    ("past an absurd price", [option(1, rate="9" * 40), option(2)], (), 100, 2),
    ("without a floor at any price", [option(1, rate="9" * 40, floor=None), option(2)], (), 100, 1),
    ("rather outside of limits than at a loss", [option(1, rate="3"), option(2, largest=5)], (), 100, 2),
    ("limits alone refuse nothing", [option(1, largest=50)], (), 100, 1),
    ("a refusal for what it is closes even the last", [option(1, largest=50), option(2)], {2}, 100, 1),
]


@pytest.mark.parametrize(("why", "options", "refused_by", "quantity", "route_id"), CHOICES)
def test_choice(
    why: str, options: list[RouteOption], refused_by: set[int], quantity: int, route_id: int
) -> None:
    assert taken(options, refused_by=refused_by, sale=sold(quantity)) == route_id, why


def test_a_package_has_no_quantity_to_compare() -> None:
    assert taken([option(1, smallest=10), option(2)], sale=sold(1, is_package=True), counts=False) == 1


@pytest.mark.parametrize(
    ("options", "refused_by", "reason"),
    [
        ([], (), Hold.NO_PROVIDER),
        ([option(1, hold=BROKE)], (), BROKE),
        ([option(1, hold=BROKE), option(2, hold=SILENT)], (), BROKE),
        ([option(1), option(2, hold=SILENT)], {1}, SILENT),
        ([option(1, rate="3"), option(2, rate="4")], (), Hold.BELOW_MARGIN),
        ([option(1, rate="3"), option(2)], {2}, Hold.BELOW_MARGIN),
        ([option(1, rate="3", hold=BROKE)], (), Hold.BELOW_MARGIN),
        ([option(1, rate="3"), option(2, hold=SILENT)], (), SILENT),
    ],
)
def test_waiting_for_a_route(options: list[RouteOption], refused_by: set[int], reason: str) -> None:
    assert decide(options, refused_by=refused_by).choice == Wait(reason)


def test_when_every_route_refused_the_order_nobody_takes_it() -> None:
    assert isinstance(decide([option(1), option(2)], refused_by={1, 2}).choice, NobodyTakesIt)
