"""What must be true once everything has come to rest, whoever was killed when."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, LiteralString

import psycopg

from tests.faults.load import CREDIT, Book

SHOWN: Final = 5  # examples of one violation

_CHARGES: Final = """
SELECT orders.id, orders.link, orders.charge, count(transfer.id) AS charges,
       coalesce(sum(transfer.amount), 0) AS charged
FROM orders_order orders
LEFT JOIN money_transfer transfer ON transfer.kind = 'charge' AND transfer.cause_id = orders.id
GROUP BY orders.id
"""
_CREDITS: Final = """
SELECT adjustment.reason, count(DISTINCT adjustment.id) AS times, count(transfer.id) AS transfers,
       coalesce(sum(transfer.amount), 0) AS amount
FROM money_adjustment adjustment
LEFT JOIN money_transfer transfer ON transfer.kind = 'credit' AND transfer.cause_id = adjustment.id
WHERE adjustment.reason LIKE 'credit %'
GROUP BY adjustment.reason
"""
_HAND_OVERS: Final = """
SELECT fulfilment.order_id, orders.link, fulfilment.handover, fulfilment.external_id
FROM providers_fulfilment fulfilment JOIN orders_order orders ON orders.id = fulfilment.order_id
"""
_ON_THE_WAY: Final = """
SELECT (SELECT count(*) FROM orders_order WHERE dispatch = 'queued')
     + (SELECT count(*) FROM providers_fulfilment WHERE handover = 'sending')
"""

Connection = psycopg.Connection[tuple[Any, ...]]


def on_the_way(connection: Connection) -> int:
    """How many orders wait to be handed over, or are being sent as far as anyone knows."""
    return _count(connection, _ON_THE_WAY)


def violations(connection: Connection, book: Book, at_provider: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Everything that contradicts what the panel acknowledged, and what the provider accepted."""
    yield from told("answers cannot be excused", book.complaints)
    orders = {row[0]: row for row in connection.execute(_CHARGES).fetchall()}
    yield from of_orders(orders, book)
    yield from of_credits(connection.execute(_CREDITS).fetchall(), book)
    yield from of_provider(connection.execute(_HAND_OVERS).fetchall(), at_provider)


def unknown(connection: Connection) -> int:
    """How many hand-overs are left for a person to settle."""
    return _count(connection, "SELECT count(*) FROM providers_fulfilment WHERE handover = 'unknown'")


def placed(connection: Connection) -> int:
    """How many orders there are, acknowledged or not."""
    return _count(connection, "SELECT count(*) FROM orders_order")


def _count(connection: Connection, statement: LiteralString) -> int:
    row = connection.execute(statement).fetchone()
    return int(row[0]) if row else 0


def of_orders(orders: Mapping[int, tuple[Any, ...]], book: Book) -> Iterator[str]:
    """What is wrong with the orders, given as rows of `_CHARGES` by their ids."""
    lost = [order_id for order_id in book.orders if order_id not in orders]
    yield from told("acknowledged orders are lost", lost)
    mixed_up = [
        order_id
        for order_id, link in book.orders.items()
        if order_id in orders and orders[order_id][1] != link
    ]
    yield from told("acknowledged orders have another's link", mixed_up)
    wrongly_charged = [
        order_id
        for order_id, _, charge, charges, charged in orders.values()
        if (charges, charged) != (1, charge)
    ]
    yield from told("orders are not charged exactly once", wrongly_charged)
    times = Counter(row[1] for row in orders.values())
    yield from told("links were ordered more than once", [link for link, n in times.items() if n > 1])
    sent = book.open_links.union(book.orders.values())
    yield from told("orders nobody sent exist", [link for link in times if link not in sent])


def of_credits(rows: Sequence[tuple[Any, ...]], book: Book) -> Iterator[str]:
    """What is wrong with the credits, given as rows of `_CREDITS`."""
    made = {reason: (times, transfers, amount) for reason, times, transfers, amount in rows}
    yield from told("acknowledged credits are lost", [each for each in book.credits if each not in made])
    wrong = [reason for reason, found in made.items() if found != (1, 1, CREDIT)]
    yield from told("credits were not made exactly once", wrong)


def of_provider(
    hand_overs: Sequence[tuple[Any, ...]], at_provider: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    """What is wrong between the panel, by rows of `_HAND_OVERS`, and what the provider accepted."""
    times = Counter(order["link"] for order in at_provider)
    yield from told("orders were doubled at the provider", [link for link, n in times.items() if n > 1])
    accepted = {external_id: link for _, link, handover, external_id in hand_overs if handover == "accepted"}
    unsettled = {link for _, link, handover, _ in hand_overs if handover == "unknown"}
    nobodys = [
        order["id"]
        for order in at_provider
        if accepted.get(str(order["id"])) != order["link"] and order["link"] not in unsettled
    ]
    yield from told("orders at the provider are not known here, nor unknown", nobodys)
    there = {str(order["id"]) for order in at_provider}
    phantoms = [external_id for external_id in accepted if external_id not in there]
    yield from told("hand-overs count as accepted which the provider never saw", phantoms)


def told(what: str, found: Sequence[object]) -> Iterator[str]:
    """A violation with its first examples, where there are any."""
    if found:
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        yield f"{len(found)} {what}: {', '.join(map(str, found[:SHOWN]))}{more}"
