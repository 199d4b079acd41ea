"""A change set rolled back: every field of our services is as before, and nothing newer is lost."""

from decimal import Decimal
from random import Random
from typing import Any

import pytest

from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Category, OwnRate, Service, ServiceUpdate
from purveyor.catalog.snapshot import forget
from purveyor.orders.models import Order
from purveyor.orders.testing import place_one
from purveyor.providers.models import (
    Change,
    ChangeDecision,
    ChangeKind,
    ChangeSet,
    ImportedService,
    Provider,
    Route,
    ServiceEdit,
    Verdict,
)
from purveyor.providers.sync.change_rules import set_rule
from purveyor.providers.sync.changing import Decided, apply_changes, roll_back
from purveyor.providers.sync.editing import EDITABLE
from purveyor.providers.sync.repricing import change_and_reprice
from purveyor.providers.testing import make_provider
from tests.audited import FULFILMENT, violations
from tests.providers.lists import keep, keep_once, row, sell, states

pytestmark = pytest.mark.django_db

ACTOR = "somebody"
EVERYTHING_ELSE = {
    "rate": "1.17",
    "min": "20",
    "max": "5000",
    "refill": False,
    "cancel": True,
    "dripfeed": True,
    "name": "Another name",
    "description": "Other words",
    "category": "Another category",
}
LIST = [row(number) for number in range(1, 6)]


@pytest.fixture
def provider() -> Provider:
    """A provider whose every change is followed at once, and whose whole list is sold."""
    provider = make_provider()
    for kind in set(ChangeKind) - {ChangeKind.NEW}:
        set_rule(provider=provider, kind=kind, verdict=Verdict.APPLY)
    keep(provider, *LIST)
    sell(provider)
    return provider


def columns() -> list[dict[str, Any]]:
    """Every column of our services, but for those that tell of the edits themselves."""
    telling = {"version", "updated_at"}
    rows = Service.objects.order_by("pk").values()
    return [{name: value for name, value in service.items() if name not in telling} for service in rows]


def everything() -> list[list[Any]]:
    """What we sell, at which prices, by which routes, and what was ordered."""
    others = (OwnRate, Route, ImportedService, Order)
    return [columns(), *(list(table._default_manager.order_by("pk").values()) for table in others)]


def take_back(**what: Any) -> Decided:
    return roll_back(change_set=ChangeSet.objects.latest("pk").pk, actor=ACTOR, reason="a mistake", **what)


def test_a_rolled_back_change_set_restores_every_field(provider: Provider) -> None:
    customer, service = make_customer("100"), Service.objects.earliest("pk")
    OwnRate.objects.create(customer=customer, service=service, rate="0.99")
    forget()  # the rate that was just given counts at once
    order = place_one(customer, service, quantity=500)
    before = everything()
    keep(provider, row(1, **EVERYTHING_ELSE), row(2, type="Poll"), row(3, rate="5"), row(4))
    changed = columns()
    other = {name for name in changed[0] if changed[0][name] != before[0][0][name]}
    assert other == set(EDITABLE) - {"enabled"}
    assert [service["enabled"] for service in changed] == [True, False, True, True, False]

    decided = take_back()
    assert decided.left == []
    assert everything() == before
    assert {state for _, state in states()} == {"rolled_back"}
    decision = ChangeDecision.objects.latest("pk")
    assert (decision.verdict, decision.actor, decision.reason) == ("roll_back", ACTOR, "a mistake")
    assert decision.changes == decided.changes == len(states())
    order.refresh_from_db()
    assert (order.status, order.charge) == ("Pending", Decimal("0.495"))
    assert violations(but=FULFILMENT) == {}


def test_doing_it_again_does_nothing_more(provider: Provider) -> None:
    keep(provider, row(1, **EVERYTHING_ELSE), row(2, type="Poll"), row(3), row(4))
    take_back()
    before, updates = everything(), ServiceUpdate.objects.count()
    assert take_back() == Decided(0, [])
    assert (everything(), ServiceUpdate.objects.count()) == (before, updates)


def test_a_set_may_be_applied_again_after_it_was_rolled_back(provider: Provider) -> None:
    keep(provider, row(1, **EVERYTHING_ELSE), row(2), row(3), row(4))
    changed = columns()
    take_back()
    apply_changes(change_set=ChangeSet.objects.get().pk, actor=ACTOR)
    assert columns() == changed
    assert take_back().left == []
    assert columns()[0]["rate"] == Decimal("1.08")


def test_what_was_applied_by_a_person_is_restored_too_with_the_price_that_a_person_set(
    provider: Provider,
) -> None:
    Service.objects.update(rate="7")
    before = everything()
    keep(provider, row(1, rate="1"), *LIST[1:])
    apply_changes(change_set=ChangeSet.objects.get().pk, actor=ACTOR)
    assert columns()[0]["rate"] == Decimal("1.2")
    take_back()
    assert columns() == before[0]
    keep(provider, row(1, rate="2"), *LIST[1:])
    assert columns()[0]["rate"] == 7, "it is a person's price still"


def test_a_single_change_is_rolled_back(provider: Provider) -> None:
    keep(provider, row(1, rate="2", min=20), *LIST[1:])
    roll_back(change=Change.objects.get(kind=ChangeKind.DEARER).pk, actor=ACTOR)
    assert (columns()[0]["rate"], columns()[0]["min"]) == (Decimal("1.08"), 20)
    assert states() == [("dearer", "rolled_back"), ("min", "applied")]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rate", Decimal("9.99")),
        ("min", 30),
        ("max", 40),
        ("name", "Ours"),
        ("refill", True),
        ("enabled", True),
    ],
)
def test_what_a_person_touched_since_stays_and_is_reported(
    provider: Provider, field: str, value: object
) -> None:
    before = columns()[0]
    keep(provider, row(1, rate="2", min=20, max=50, name="Other", refill=False, type="Poll"), *LIST[1:])
    Service.objects.filter(pk=before["id"]).update(**{field: value})
    (line,) = take_back().left
    assert line.startswith(f"service {before['id']}: {field} stays, it is ")
    assert columns()[0] == before | {field: value}
    assert sorted(state for _, state in states()) == ["applied"] + ["rolled_back"] * 5
    assert take_back().left == [line], "reported again, and as it is"


def test_what_a_later_set_touched_stays_and_is_reported_even_at_the_same_value(provider: Provider) -> None:
    keep(provider, row(1, rate="2", min=20), *LIST[1:])
    keep(provider, row(1, rate="3", min=20), *LIST[1:])
    keep(provider, row(1, rate="2", min=20), *LIST[1:])
    first, second, third = ChangeSet.objects.order_by("pk")
    service = Service.objects.earliest("pk")
    decided = roll_back(change_set=first.pk, actor=ACTOR)
    assert decided.left == [f"service {service.pk}: rate stays, a later change edited it"]
    service.refresh_from_db()
    assert (service.rate, service.min) == (Decimal("2.4"), 10)
    for later in (third, second, first):
        assert roll_back(change_set=later.pk, actor=ACTOR).left == []
    service.refresh_from_db()
    assert service.rate == Decimal("1.08")


def test_a_limit_that_fits_no_more_stays_and_is_reported(provider: Provider) -> None:
    keep(provider, row(1, min=100, max=1000), *LIST[1:])
    keep(provider, row(1, min=1, max=50), *LIST[1:])
    Service.objects.update(max=40)
    decided = take_back()
    service = Service.objects.earliest("pk")
    assert (service.min, service.max) == (1, 40)
    assert sorted(decided.left) == [
        f"service {service.pk}: max stays, it is 40 by now and not 50",
        f"service {service.pk}: min stays, 100 does not fit the other limit",
    ]


def test_a_category_that_is_no_more_is_reported(provider: Provider) -> None:
    keep(provider, *(row(number, category="Polls") for number in range(1, 6)))
    Category.objects.get(name="Surveys").delete()
    assert len(take_back().left) == 5
    assert {service["category_id"] for service in columns()} == {Category.objects.get().pk}


def test_a_service_is_switched_on_again_after_its_return_was_rolled_back(provider: Provider) -> None:
    keep(provider, *LIST[1:])
    keep(provider, *LIST)
    take_back()
    assert not columns()[0]["enabled"]
    keep(provider, *LIST[1:])
    keep(provider, *LIST)
    assert columns()[0]["enabled"]


def test_new_services_that_wait_are_left_alone(provider: Provider) -> None:
    keep(provider, *LIST, row(6))
    sell(provider)
    keep(provider, *LIST, row(6), row(7))
    assert take_back() == Decided(0, [])
    assert Service.objects.count() == 6
    assert ServiceEdit.objects.count() == 0


def test_customers_are_told_of_the_way_there_and_back(provider: Provider) -> None:
    ServiceUpdate.objects.all().delete()
    keep(provider, row(1, rate="2"), *LIST[1:4])
    take_back()
    told = ServiceUpdate.objects.order_by("pk").values_list("kind", "old_rate", "new_rate")
    cheap, dear = Decimal("1.08"), Decimal("2.4")
    assert list(told) == [
        ("increased", cheap, dear),
        ("disabled", cheap, cheap),
        ("decreased", dear, cheap),
        ("enabled", cheap, cheap),
    ]


def any_row(random: Random, number: int) -> dict[str, Any]:
    """A service of which anything may be odd."""
    limits = sorted(random.choices([1, 5, 10, 50, 100, 1000, 2**31], k=2))
    return row(
        number,
        name=random.choice(["Polls", "Surveys", "Answers"]),
        type=random.choice(["Default"] * 8 + ["Package", "Poll", "Riddle"]),
        category=random.choice(["Polls", "Surveys"]),
        rate=random.choice(["0.90", "1.17", "0.5", "0", "999999999999", "0.00001"]),
        min=random.choice([limits[0]] * 6 + [0, None]),
        max=random.choice([limits[1]] * 6 + [0, None]),
        refill=random.random() < 0.5,
        cancel=random.random() < 0.5,
        dripfeed=random.random() < 0.5,
    )


def any_list(random: Random) -> list[dict[str, Any]]:
    numbers = random.sample(range(1, 13), random.randint(5, 12))
    return [any_row(random, number) for number in numbers]


def any_terms(random: Random, provider: Provider) -> int | None:
    """Other terms with the provider; returns the change set that they made."""
    changes = {
        "fx_rate": Decimal(random.choice(["0.5", "1", "1.00000001", "3", "100000000"])),
        "top_up_bonus_percent": Decimal(random.choice(["0", "20"])),
        "fee_percent": Decimal(random.choice(["0", "2.5"])),
    }
    change_set = change_and_reprice(provider, changes)
    return None if change_set is None else change_set.pk


def any_look(random: Random, provider: Provider) -> int | None:
    """Other terms, or a list that lacks something for the first time or for long; returns the change set."""
    if random.random() < 0.4:
        return any_terms(random, provider)
    look = random.choice([keep, keep, keep_once])
    return look(provider, *any_list(random)).change_set


@pytest.mark.parametrize("seed", range(40))
def test_whatever_was_listed_and_agreed_rolling_back_the_newest_sets_one_by_one_restores_every_field(
    seed: int,
) -> None:
    random = Random(seed)
    provider = make_provider()
    for kind in random.sample(sorted(set(ChangeKind) - {ChangeKind.NEW}), 8):
        set_rule(provider=provider, kind=kind, verdict=random.choice([Verdict.APPLY, Verdict.WAIT]))
    keep(provider, *any_list(random))
    sell(provider)
    known: list[tuple[int, list[list[Any]]]] = []
    for _ in range(6):
        before = everything()
        found = any_look(random, provider)
        if found is not None:
            known.append((found, before))
            if random.random() < 0.5:
                apply_changes(change_set=found, actor=ACTOR)
    for change_set, before in reversed(known):
        assert roll_back(change_set=change_set, actor=ACTOR).left == []
        assert everything() == before
