"""A post's quantity is one of those ordered, and for one post always the same."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from purveyor.orders.post_quantity import post_quantity

KEYS = st.integers(-(2**63), 2**63 - 1)


@given(st.integers(1, 2**62), KEYS, st.integers(1, 2**31 - 1), st.integers(0, 2**31 - 1))
def test_it_lies_between_the_limits_and_repeats(order: int, key: int, smallest: int, spread: int) -> None:
    largest = min(smallest + spread, 2**31 - 1)
    first, again = (
        post_quantity(subscription_id=order, url_key=key, smallest=smallest, largest=largest)
        for _ in range(2)
    )
    assert smallest <= first == again <= largest


def test_posts_differ_and_use_the_whole_range_evenly() -> None:
    counts = Counter(
        post_quantity(subscription_id=7, url_key=key, smallest=10, largest=19) for key in range(10_000)
    )
    assert set(counts) == set(range(10, 20))
    assert all(800 < number < 1200 for number in counts.values())


def test_two_subscriptions_to_one_account_get_their_own() -> None:
    pairs = [
        [post_quantity(subscription_id=order, url_key=key, smallest=1, largest=1000) for key in range(20)]
        for order in (1, 2)
    ]
    assert pairs[0] != pairs[1]
