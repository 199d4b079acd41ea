"""The story of an order, as an operator reads it on the command line."""

from collections.abc import Iterator

from purveyor.ops.terminal import in_one_line
from purveyor.ops.trouble import Trouble
from purveyor.providers.timeline.timeline import timeline


def story(order_id: int, *, for_customer: bool) -> Iterator[str]:
    """The story of an order, each of its lines in one line of text. Raises `Trouble` without an order."""
    lines = timeline(order_id, for_customer=for_customer)
    if lines is None:
        raise Trouble(f"there is no order {order_id}")
    for line in lines:
        yield f"{line.at:%Y-%m-%d %H:%M:%S} UTC  {line.kind:<11}  {line.who}: {in_one_line(line.text)}"
