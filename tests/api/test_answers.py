"""The replies of protocol §4.2 to §4.10, byte for byte, and the hazards of §5.1, through a real server.

Expected texts are the examples of the reference with our ids in them: key order, JSON types and nothing more.
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from purveyor.accounts.people import credit
from purveyor.catalog.order_types import OrderType
from purveyor.orders.dripfeed import release_due
from purveyor.orders.following import Report, apply_reports
from purveyor.orders.models import CancelRequest, Dispatch, Order, Refill, RefillStatus, Status
from purveyor.orders.subscriptions import Post, add_posts, update_subscription
from purveyor.orders.testing import place_one
from tests.api.panel import Caller, Panel

SUBSCRIPTION = {"username": "ann", "min": 10, "max": 20, "delay": 0}


def placed(panel: Panel, caller: Caller, kind: OrderType = OrderType.DEFAULT, **fields: Any) -> Order:
    return place_one(caller.customer, panel.services[kind], **fields)


def completed(panel: Panel, caller: Caller) -> Order:
    order = placed(panel, caller, quantity=100)
    Order.objects.filter(pk=order.pk).update(
        status=Status.COMPLETED, remains=0, status_at=timezone.now() - timedelta(hours=25)
    )
    return order


def handed(order: Order) -> Order:
    """Let an order be with its provider, who alone can end it now."""
    Order.objects.filter(pk=order.pk).update(dispatch=Dispatch.HANDED)
    return order


# §4.2 add


def test_add(panel: Panel, caller: Caller) -> None:
    add = {"service": panel.services[OrderType.DEFAULT].pk, "link": "https://example.com/a", "quantity": 100}
    text = panel.text(caller, "add", **add)
    assert text == f'{{"order":{Order.objects.get(customer=caller.customer).pk}}}'


# §4.3, §4.4 status


def test_status(panel: Panel, caller: Caller) -> None:
    order = handed(placed(panel, caller, quantity=800))  # charged 1.20
    apply_reports([Report(order_id=order.pk, status=Status.PARTIAL, start_count=3572, remains=157)])
    assert panel.text(caller, "status", order=order.pk) == (
        '{"charge":"0.9645","start_count":"3572","status":"Partial","remains":"157","currency":"USD"}'
    )


def test_status_of_many(panel: Panel, caller: Caller) -> None:
    first, second = placed(panel, caller, quantity=100), placed(panel, caller, quantity=10)
    apply_reports([Report(order_id=second.pk, status=Status.IN_PROGRESS, start_count=234, remains=10)])
    assert panel.text(caller, "status", orders=f"{first.pk},999999999,{second.pk}") == (
        f'{{"{first.pk}":{{"charge":"0.15","start_count":"0","status":"Pending","remains":"100",'
        '"currency":"USD"},"999999999":{"error":"Incorrect order ID"},'
        f'"{second.pk}":{{"charge":"0.015","start_count":"234","status":"In progress","remains":"10",'
        '"currency":"USD"}}'
    )


def test_one_id_in_a_list_is_a_list(panel: Panel, caller: Caller) -> None:
    order = placed(panel, caller, quantity=1).pk
    assert list(panel.post(caller, "status", orders=order)) == [str(order)]


def test_keys_are_as_asked_and_duplicates_once(panel: Panel, caller: Caller) -> None:
    order = placed(panel, caller, quantity=1).pk
    asked = f" {order} ,{order},0{order},Array,-5,1.5,१,,9223372036854775808,{order}"
    answer = panel.post(caller, "status", orders=asked)
    assert list(answer) == [str(order), f"0{order}", "Array", "-5", "1.5", "१", "9223372036854775808"]
    assert answer[str(order)]["status"] == answer[f"0{order}"]["status"] == "Pending"
    assert all(answer[wrong] == {"error": "Incorrect order ID"} for wrong in list(answer)[2:])


def test_the_first_hundred_unique_ids_count(panel: Panel, caller: Caller) -> None:
    asked = [str(8_000_000 + number // 2) for number in range(250)]  # each twice
    answer = panel.post(caller, "status", orders=",".join(asked))
    assert list(answer) == [str(8_000_000 + number) for number in range(100)]


def test_the_single_one_goes_before_the_list(panel: Panel, caller: Caller) -> None:
    order = placed(panel, caller, quantity=1).pk
    assert panel.post(caller, "status", order=order, orders="1,2")["status"] == "Pending"
    assert panel.post(caller, "status", order_id=order)["status"] == "Pending"


WORDS = ("Pending", "Processing", "In progress", "Completed", "Partial", "Canceled")


@pytest.mark.parametrize("word", WORDS)
def test_each_status_has_five_texts(panel: Panel, caller: Caller, word: str) -> None:
    """§5 and the hazards of §5.1: never a missing field, never more remaining than ordered."""
    order = handed(placed(panel, caller, quantity=100))
    apply_reports([Report(order_id=order.pk, status=Status(word), start_count=None, remains=100_000)])
    answer = panel.post(caller, "status", order=order.pk)
    assert list(answer) == ["charge", "start_count", "status", "remains", "currency"]
    assert all(isinstance(text, str) for text in answer.values())
    assert answer["status"] == word
    assert 0 <= int(answer["remains"]) <= 100
    assert int(answer["start_count"]) >= 0


def test_canceled_keeps_no_money(panel: Panel, caller: Caller) -> None:
    """Consumers refund all on Canceled, so nothing may stay charged (§5.1)."""
    order = handed(placed(panel, caller, quantity=100))
    apply_reports([Report(order_id=order.pk, status=Status.CANCELED)])
    assert panel.post(caller, "status", order=order.pk)["charge"] == "0"
    assert panel.post(caller, "balance")["balance"] == "1000"


# §4.5 drip-feed parents


def drip_feed(panel: Panel, caller: Caller, *, runs: int = 2) -> tuple[Order, list[int]]:
    parent = placed(panel, caller, quantity=100, runs=runs, interval=10)
    for _ in range(runs):
        parent.drip_feed.__class__.objects.filter(order=parent).update(next_run_at=timezone.now())
        release_due(100)
    children = list(Order.objects.filter(parent=parent).order_by("part").values_list("pk", flat=True))
    Order.objects.filter(pk__in=children).update(dispatch=Dispatch.HANDED)
    return parent, children


def end(children: Sequence[int], *statuses: Status) -> None:
    apply_reports(
        [
            Report(order_id=child, status=status, remains=0 if status is Status.COMPLETED else 50)
            for child, status in zip(children, statuses, strict=True)
        ]
    )


def test_a_drip_feed_before_its_first_run(panel: Panel, caller: Caller) -> None:
    parent = placed(panel, caller, quantity=100, runs=2, interval=10)
    text = panel.text(caller, "status", order=parent.pk)
    assert text == '{"status":"In progress","runs":"0","orders":[]}'  # an array even when empty (§5.1)


def test_a_drip_feed(panel: Panel, caller: Caller) -> None:
    parent, (one, two) = drip_feed(panel, caller)
    end([one], Status.COMPLETED)
    running = f'{{"status":"In progress","runs":"1","orders":["{one}","{two}"]}}'
    assert panel.text(caller, "status", order=parent.pk) == running
    end([two], Status.COMPLETED)
    done = f'{{"status":"Completed","runs":"2","orders":["{one}","{two}"]}}'
    assert panel.text(caller, "status", orders=parent.pk) == f'{{"{parent.pk}":{done}}}'
    assert panel.post(caller, "status", order=one)["status"] == "Completed"  # children are ordinary orders


@pytest.mark.parametrize(
    ("ends", "word"),
    [
        ((Status.COMPLETED, Status.COMPLETED), "Completed"),
        ((Status.PARTIAL, Status.PARTIAL), "Completed"),
        ((Status.COMPLETED, Status.CANCELED), "Completed"),
        ((Status.PARTIAL, Status.CANCELED), "Completed"),
        ((Status.CANCELED, Status.CANCELED), "Canceled"),
    ],
)
def test_a_drip_feed_is_never_partial_and_canceled_only_without_a_run(
    panel: Panel, caller: Caller, ends: tuple[Status, Status], word: str
) -> None:
    """Consumers credit again at every poll of a Partial parent, and refund all of a Canceled one (§5.1)."""
    parent, children = drip_feed(panel, caller)
    end(children, *ends)
    assert panel.post(caller, "status", order=parent.pk)["status"] == word


# §4.6 subscription parents


def test_a_subscription(panel: Panel, caller: Caller) -> None:
    parent = placed(panel, caller, OrderType.SUBSCRIPTIONS, **SUBSCRIPTION, expiry="20/07/2099", old_posts=1)
    fresh = '{"status":"Active","expiry":"2099-07-20","posts":"0","orders":[],"old_orders":[]}'
    assert panel.text(caller, "status", order=parent.pk) == fresh
    posts = [Post(number=1, quantity=15), Post(number=2, quantity=10, old=True)]
    new, old = add_posts(subscription_id=parent.pk, posts=posts)
    update_subscription(order_id=parent.pk, status=Status.COMPLETED, posts_done=1)
    assert panel.text(caller, "status", order=parent.pk) == (
        '{"status":"Completed","expiry":"2099-07-20","posts":"1",'
        f'"orders":["{new.order_id}"],"old_orders":["{old.order_id}"]}}'  # type: ignore[union-attr]
    )


@pytest.mark.parametrize("word", ["Active", "Paused", "Completed", "Expired", "Canceled"])
def test_each_status_of_a_subscription(panel: Panel, caller: Caller, word: str) -> None:
    parent = placed(panel, caller, OrderType.SUBSCRIPTIONS, **SUBSCRIPTION)
    Order.objects.filter(pk=parent.pk).update(status=word)
    answer = panel.post(caller, "status", order=parent.pk)
    assert answer == {"status": word, "expiry": "", "posts": "0", "orders": [], "old_orders": []}


def test_a_subscription_is_not_paused_by_lack_of_funds(panel: Panel) -> None:
    """Consumers credit their customer at every poll of a Paused one (§5.1)."""
    poor = panel.caller("0.04")
    parent = placed(panel, poor, OrderType.SUBSCRIPTIONS, **SUBSCRIPTION)
    credit(customer=poor.customer, amount=Decimal("-0.04"), reason="spent", actor="test")
    add_posts(subscription_id=parent.pk, posts=[Post(number=1, quantity=20)])
    assert panel.post(poor, "status", order=parent.pk)["status"] == "Active"


# §4.7 refill, §4.8 refill_status


def test_refill(panel: Panel, caller: Caller) -> None:
    order = completed(panel, caller)
    text = panel.text(caller, "refill", order=order.pk)
    assert text == f'{{"refill":"{Refill.objects.get(order=order).pk}"}}'


def test_refill_of_many(panel: Panel, caller: Caller) -> None:
    first, second = completed(panel, caller), completed(panel, caller)
    text = panel.text(caller, "refill", orders=f"{first.pk},{second.pk},999999999,Array,{first.pk}")
    refills = [Refill.objects.get(order=order).pk for order in (first, second)]
    assert text == (
        f'[{{"order":{first.pk},"refill":{refills[0]}}},{{"order":{second.pk},"refill":{refills[1]}}},'
        '{"order":999999999,"refill":{"error":"Incorrect order ID"}},'
        '{"order":"Array","refill":{"error":"Incorrect order ID"}}]'
    )


@pytest.mark.parametrize("name", ["order", "order_id", "refill"])
def test_refill_by_its_other_names(panel: Panel, caller: Caller, name: str) -> None:
    assert list(panel.post(caller, "refill", **{name: completed(panel, caller).pk})) == ["refill"]


def test_refill_of_many_by_its_other_name(panel: Panel, caller: Caller) -> None:
    order = completed(panel, caller).pk
    assert [row["order"] for row in panel.post(caller, "refill", refills=order)] == [order]


@pytest.mark.parametrize("word", ["Pending", "In progress", "Completed", "Rejected"])
def test_refill_status(panel: Panel, caller: Caller, word: str) -> None:
    refill = panel.post(caller, "refill", order=completed(panel, caller).pk)["refill"]
    Refill.objects.filter(pk=refill).update(status=RefillStatus(word))
    assert panel.text(caller, "refill_status", refill=refill) == f'{{"status":"{word}"}}'
    for alias in ("order", "order_id"):  # the slip of a client (§2)
        assert panel.post(caller, "refill_status", **{alias: refill}) == {"status": word}


def test_refill_status_of_many(panel: Panel, caller: Caller) -> None:
    refills = [panel.post(caller, "refill", order=completed(panel, caller).pk)["refill"] for _ in range(2)]
    Refill.objects.filter(pk=refills[1]).update(status=RefillStatus.REJECTED)
    expected = (
        f'[{{"refill":{refills[0]},"status":"Pending"}},{{"refill":{refills[1]},"status":"Rejected"}},'
        '{"refill":999999999,"status":{"error":"Refill not found"}},'
        '{"refill":"Array","status":{"error":"Refill not found"}}]'  # the example client's slip (§1.4)
    )
    asked = f"{refills[0]},{refills[1]},999999999,Array"
    assert panel.text(caller, "refill_status", refills=asked) == expected
    assert panel.text(caller, "refill_status", orders=asked) == expected


# §4.9 cancel


def test_cancel(panel: Panel, caller: Caller) -> None:
    order = handed(placed(panel, caller, quantity=100))
    text = panel.text(caller, "cancel", orders=f"999999999,{order.pk},Array")
    assert text == (
        '[{"order":999999999,"cancel":{"error":"Incorrect order ID"}},'
        f'{{"order":{order.pk},"cancel":1}},'
        '{"order":"Array","cancel":{"error":"Incorrect order ID"}}]'
    )
    # 1 means taken, not done (§7.2).
    assert panel.post(caller, "status", order=order.pk)["status"] == "Pending"
    assert CancelRequest.objects.filter(order=order).count() == 1
    (row,) = panel.post(caller, "cancel", orders=order.pk)
    assert list(row["cancel"]) == ["error"]


def test_cancel_of_a_single_order(panel: Panel, caller: Caller) -> None:
    order = handed(placed(panel, caller, quantity=100)).pk
    assert panel.text(caller, "cancel", order=order) == f'{{"order":{order},"cancel":1}}'
    assert list(panel.post(caller, "cancel", order=order)) == ["error"]


def test_cancel_before_anything_was_sent_is_done_at_once(panel: Panel, caller: Caller) -> None:
    order = placed(panel, caller, quantity=100).pk
    assert panel.post(caller, "cancel", orders=order) == [{"order": order, "cancel": 1}]
    status = panel.post(caller, "status", order=order)
    assert (status["status"], status["charge"]) == ("Canceled", "0")


# §4.10 balance


@pytest.mark.parametrize("amount", ["100.84292", "100", "0.00000001", "123456789012.12345678", "0"])
def test_balance_is_a_plain_trimmed_number(panel: Panel, amount: str) -> None:
    caller = panel.caller(amount)
    assert panel.text(caller, "balance") == f'{{"balance":"{amount}","currency":"USD"}}'


def test_balance_is_never_written_with_an_exponent(panel: Panel) -> None:
    assert panel.post(panel.caller("1E+5"), "balance")["balance"] == "100000"


def test_top_level_errors_are_texts(panel: Panel, caller: Caller) -> None:
    """Consumers lower-case them without looking (§5.1)."""
    for action in ("status", "refill", "refill_status", "cancel", "add", "nonsense"):
        answer = panel.post(caller, action, order="x", refill="x")
        assert list(answer) == ["error"]
        assert isinstance(answer["error"], str)


def test_an_add_sent_again_after_a_lost_reply_makes_no_second_order(panel: Panel, caller: Caller) -> None:
    """Consumers re-send the same add every run (§5.1); the duplicate rule stops it."""
    add = {
        "service": panel.services[OrderType.DEFAULT].pk,
        "link": "https://example.com/lost",
        "quantity": 10,
    }
    panel.post(caller, "add", **add)
    for _ in range(3):
        assert list(panel.post(caller, "add", **add)) == ["error"]
    assert Order.objects.filter(customer=caller.customer).count() == 1
