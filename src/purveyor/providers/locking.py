"""Holding orders before anything that hangs on them: `purveyor.orders.following` tells the order of locks."""

from collections.abc import Iterable
from typing import Any, Final

from purveyor.database import fetch_all, id_array, load_sql

_SQL: Final = load_sql(__file__, "locking.sql")


def lock_order(order_id: int) -> Any:
    """An order with `cancel_wanted`, held with its parent until the transaction ends."""
    lock_orders([order_id])
    (order,) = fetch_all(_SQL["orders"], {"ids": id_array([order_id])})
    return order


def lock_orders_of(fulfilment_ids: Iterable[int]) -> None:
    """Hold the orders of these fulfilments, with their parents, until the transaction ends."""
    orders = fetch_all(_SQL["orders_of"], {"fulfilments": id_array(fulfilment_ids)})
    lock_orders(row.order_id for row in orders)


def lock_orders(order_ids: Iterable[int]) -> None:
    """Hold these orders, with their parents, until the transaction ends."""
    fetch_all(_SQL["lock_orders"], {"ids": id_array(order_ids)})
