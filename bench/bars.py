"""The bars: what `make bench` and `make bench-large` must reach. bench/README.md tells what each means."""

from typing import Final

from bench.figures import Bar

ADD: Final = Bar(name="add, 1 000 customers ÷ pgbench", unit="orders/s", bar=1.5)
ADD_ONE_CUSTOMER: Final = Bar(name="add, one customer ÷ pgbench, 1 000 customers", unit="orders/s", bar=1.5)
ADD_TAIL: Final = Bar(name="add, p99 ÷ p50 (lower is better)", unit="ms", bar=8, lower_is_better=True)
STATUS: Final = Bar(name="status of one order ÷ pgbench", unit="orders/s", bar=0.25)
STATUS_100: Final = Bar(name="status of 100 orders ÷ status of one", unit="orders/s", bar=4)
SERVICES: Final = Bar(name="services, 10 000 of them ÷ nginx", unit="replies/s", bar=1)
DISPATCH: Final = Bar(name="dispatch ÷ 32 calls of 50 ms", unit="orders/s", bar=0.9)
TWO_WORKERS: Final = Bar(name="dispatch, two workers ÷ one, calls of 200 ms", unit="orders/s", bar=1.5)
POLLING: Final = Bar(
    name="processor time per polled order ÷ 1 ms (lower is better)", unit="ms", bar=1, lower_is_better=True
)
MEMORY: Final = Bar(
    name="memory of one app process ÷ 200 MB (lower is better)", unit="MB", bar=1, lower_is_better=True
)

DISPATCH_LIMIT_PER_SECOND: Final = 640
"""32 parallel calls ÷ 50 ms."""
POLLING_LIMIT_MS: Final = 1
MEMORY_LIMIT_MB: Final = 200

LARGE: Final = 0.8
"""Of its speed with an empty table, what the panel keeps with 10 million old orders."""


def beside_old_orders(bar: Bar) -> Bar:
    """The bar of a speed with 10 million old orders ÷ the same with an empty table."""
    name = bar.name.partition(" ÷ ")[0]
    return Bar(name=f"{name}: 10 million old orders ÷ none", unit=bar.unit, bar=LARGE)
