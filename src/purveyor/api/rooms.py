"""The rooms behind the door, each reached through a batcher: what the event loop may ask of the database."""

from collections.abc import Sequence

from purveyor.accounts.keys import KeyHolder
from purveyor.accounts.people import balances
from purveyor.api.authentication import look_up
from purveyor.api.batching import Batcher
from purveyor.api.database_threads import DatabaseThreads, changing, drop_connection, reading, tidying
from purveyor.api.replies import BalanceReply, StatusShape, amount_text, status
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.placing import PlacingInterrupted, place
from purveyor.orders.reading import order_views
from purveyor.orders.refilling import refill_statuses, request_refills
from purveyor.orders.refusals import Refusal
from purveyor.orders.requests import OrderRequest, Placed

Owned = tuple[int, int]
"""A customer's id and the id of an order or refill that they say is theirs."""


class Rooms:
    """One batcher per kind of work, so that concurrent calls become one query or one transaction."""

    def __init__(self, threads: DatabaseThreads, *, currency: str) -> None:
        self._currency = currency
        self.keys: Batcher[bytes, KeyHolder | None] = Batcher(reading(look_up), thread=threads.reading)
        self.statuses: Batcher[Owned, StatusShape | None] = Batcher(
            reading(_statuses), thread=threads.reading
        )
        self.balances: Batcher[int, BalanceReply] = Batcher(reading(self._balances), thread=threads.reading)
        self.refill_statuses: Batcher[Owned, str | None] = Batcher(
            reading(refill_statuses), thread=threads.reading
        )
        self.orders: Batcher[OrderRequest, Placed | Refusal] = Batcher(
            tidying(_place), thread=threads.placing
        )
        self.refills: Batcher[Owned, int | Refusal] = Batcher(
            changing(request_refills), thread=threads.asking
        )
        self.cancels: Batcher[Owned, Refusal | None] = Batcher(
            changing(request_cancels), thread=threads.asking
        )

    def _balances(self, customer_ids: Sequence[int]) -> list[BalanceReply]:
        found = balances(customer_ids)
        return [BalanceReply(amount_text(found[each]), self._currency) for each in customer_ids]


def _statuses(wanted: Sequence[Owned]) -> list[StatusShape | None]:
    return [None if view is None else status(view) for view in order_views(wanted)]


def _place(requests: Sequence[OrderRequest]) -> list[Placed | Refusal]:
    """Place a batch; once more on a fresh connection, where it is sure that nothing was placed."""
    try:
        return place(requests)
    except PlacingInterrupted as interruption:
        if interruption.may_have_been_placed:
            raise
        drop_connection()
    return place(requests)
