"""The arithmetic of true cost and margin: exact, and in doubt never against the house."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purveyor.money.models import LEDGER_UNIT
from purveyor.providers.costs.margin import (
    DRIFT_LIMIT,
    Terms,
    charge_drift,
    keeps_margin,
    largest_cost,
    offered,
    true_cost,
)

percents = st.decimals("0", "999", places=4)
floors = st.decimals("0", "100", places=2)
amounts = st.decimals("0", "1000000000", places=8)
rates = st.decimals("0", "1000000000", places=8)
quantities = st.integers(1, 2**31 - 1)
terms_of_any_kind = st.builds(
    Terms,
    fx_rate=st.decimals("0.00000001", "9999999999", places=8),
    top_up_bonus_percent=percents,
    fee_percent=percents,
)
UNIT = Fraction(LEDGER_UNIT)


def exact_factor(terms: Terms) -> Fraction:
    """What one unit of the provider's currency costs, by the definition."""
    bonus, fee = Fraction(terms.top_up_bonus_percent) / 100, Fraction(terms.fee_percent) / 100
    return Fraction(terms.fx_rate) / (1 + bonus) * (1 + fee)


@pytest.mark.parametrize(
    ("amount", "fx_rate", "bonus", "fee", "cost"),
    [
        ("10", "1", "0", "0", "10"),
        ("10", "1.25", "0", "0", "12.5"),
        ("11", "1", "10", "0", "10"),
        ("10", "1", "0", "3", "10.3"),
        ("11", "2", "10", "5", "21"),
        ("1", "1", "200", "0", "0.33333334"),
        ("0.00000001", "0.00000001", "0", "0", "0.00000001"),
        ("0", "1", "5", "5", "0"),
    ],
)
def test_true_cost(amount: str, fx_rate: str, bonus: str, fee: str, cost: str) -> None:
    terms = Terms(fx_rate=Decimal(fx_rate), top_up_bonus_percent=Decimal(bonus), fee_percent=Decimal(fee))
    assert true_cost(Decimal(amount), terms=terms) == Decimal(cost)


@given(rate=rates, quantity=quantities, terms=terms_of_any_kind, is_package=st.booleans())
def test_a_cost_is_the_exact_one_rounded_up_to_the_next_unit(
    rate: Decimal, quantity: int, terms: Terms, *, is_package: bool
) -> None:
    amount = offered(rate=rate, quantity=quantity, is_package=is_package)
    exact = Fraction(rate) * (1 if is_package else Fraction(quantity, 1000)) * exact_factor(terms)
    assert 0 <= Fraction(true_cost(amount, terms=terms)) - exact < UNIT


@given(amount=amounts, terms=terms_of_any_kind, more=percents)
def test_a_bonus_never_makes_it_dearer_and_a_fee_never_cheaper(
    amount: Decimal, terms: Terms, more: Decimal
) -> None:
    def with_terms(bonus: Decimal, fee: Decimal) -> Decimal:
        changed = Terms(fx_rate=terms.fx_rate, top_up_bonus_percent=bonus, fee_percent=fee)
        return true_cost(amount, terms=changed)

    cost = with_terms(terms.top_up_bonus_percent, terms.fee_percent)
    assert with_terms(terms.top_up_bonus_percent + more, terms.fee_percent) <= cost
    assert with_terms(terms.top_up_bonus_percent, terms.fee_percent + more) >= cost


@given(cost=amounts, charge=amounts, floor=floors)
def test_what_may_be_handed_over_leaves_the_floors_share(
    cost: Decimal, charge: Decimal, floor: Decimal
) -> None:
    left = Fraction(charge) - Fraction(cost)
    wanted = Fraction(charge) * Fraction(floor) / 100
    assert keeps_margin(cost=cost, charge=charge, floor_percent=floor) == (left >= wanted)


@given(charge=amounts, floor=floors)
def test_the_largest_cost_is_just_allowed_and_a_unit_more_is_not(charge: Decimal, floor: Decimal) -> None:
    largest = largest_cost(charge=charge, floor_percent=floor)
    assert 0 <= largest <= charge
    assert keeps_margin(cost=largest, charge=charge, floor_percent=floor)
    assert not keeps_margin(cost=largest + LEDGER_UNIT, charge=charge, floor_percent=floor)


@given(charges=st.lists(amounts, min_size=1, max_size=20), floor=floors)
def test_runs_that_each_keep_the_margin_keep_it_together(charges: list[Decimal], floor: Decimal) -> None:
    spent = sum((largest_cost(charge=charge, floor_percent=floor) for charge in charges), Decimal(0))
    assert keeps_margin(cost=spent, charge=sum(charges, Decimal(0)), floor_percent=floor)


def test_a_gift_is_a_loss_unless_any_is_accepted() -> None:
    free, cost = Decimal(0), LEDGER_UNIT
    assert not keeps_margin(cost=cost, charge=free, floor_percent=Decimal(0))
    assert keeps_margin(cost=Decimal(0), charge=free, floor_percent=Decimal(0))
    assert keeps_margin(cost=cost, charge=free, floor_percent=None)


PLAIN = Terms(fx_rate=Decimal(1))
BONUS = Terms(fx_rate=Decimal(2), top_up_bonus_percent=Decimal(25))


@pytest.mark.parametrize(
    ("told", "terms", "expected", "drift"),
    [
        ("4.00", PLAIN, ["4"], "0"),
        ("4.04", PLAIN, ["4"], "0"),
        ("4.05", PLAIN, ["4"], "0.05"),
        ("3.95", PLAIN, ["4"], "-0.05"),
        ("5.2", PLAIN, ["4"], "1.2"),
        ("5", PLAIN, ["4"], "1"),
        ("2.00", PLAIN, ["2", "4"], "0"),
        ("4.00", PLAIN, ["2", "4"], "0"),
        ("2.60", PLAIN, ["2", "4"], "0.6"),
        ("2.50", BONUS, ["4"], "0"),
        ("3.25", BONUS, ["4"], "1.2"),
        ("0.01", PLAIN, ["0.0052"], "0"),
        ("0.0065", PLAIN, ["0.005"], "0.0015"),
        ("0.00000001", PLAIN, ["0.00000002"], "0"),
    ],
)
def test_drift_of_a_charge(told: str, terms: Terms, expected: list[str], drift: str) -> None:
    found = charge_drift(Decimal(told), terms=terms, expected=[Decimal(cost) for cost in expected])
    assert found == Decimal(drift)


@given(expected=st.decimals("0.01", "1000000", places=8), share=st.decimals("-0.5", "0.5", places=4))
def test_a_drift_within_the_limit_is_none_and_far_beyond_it_is_told_whole(
    expected: Decimal, share: Decimal
) -> None:
    told = (expected * (1 + share)).quantize(LEDGER_UNIT)
    drift = charge_drift(told, terms=PLAIN, expected=[expected])
    if abs(share) < DRIFT_LIMIT * Decimal("0.99"):
        assert drift == 0
    elif abs(share) > DRIFT_LIMIT * Decimal("1.01"):
        assert drift == told - expected
