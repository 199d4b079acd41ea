"""The story of an order, line by line: what explains its price, every exchange, every transfer.

A customer's story is made of what happened between them and the panel alone; what providers are concerned in
is not even read for it.
"""

from purveyor.providers.timeline.exchanges import lines_for_staff
from purveyor.providers.timeline.facts import Exchanges, Facts, exchanges_of, facts_of
from purveyor.providers.timeline.lines import Line, lines_for_everybody


def timeline(order_id: int, *, for_customer: bool = False) -> list[Line] | None:
    """The story of an order, oldest line first; None where there is no such order.

    `for_customer` leaves out everything that is between the panel and its providers.
    """
    facts = facts_of(order_id)
    if facts is None:
        return None
    return build(facts, None if for_customer else exchanges_of(order_id))


def build(facts: Facts, exchanges: Exchanges | None) -> list[Line]:
    """The story told by these facts; without exchanges it is the customer's. Pure."""
    lines = list(lines_for_everybody(facts, for_customer=exchanges is None))
    if exchanges is not None:
        lines += lines_for_staff(exchanges, currency=facts.order.currency, is_package=facts.is_package)
    return sorted(lines, key=lambda line: line.at)
