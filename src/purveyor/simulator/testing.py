"""The simulated provider inside a test: served over real HTTP from a thread of its own.

```python
with running_simulator(seed=7) as simulator:
    simulator.script.next("add", Fault.ACCEPT_THEN_DROP)
    ...  # let the code under test talk to simulator.url with simulator.key
    assert len(simulator.orders) == 1
```
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final, TypeVar

from purveyor.simulator import misbehaving, standing
from purveyor.simulator.behaviours import Script
from purveyor.simulator.life import Outcomes
from purveyor.simulator.orders import Order
from purveyor.simulator.provider import DEFAULT_DEPOSIT, Call, Provider, open_provider
from purveyor.simulator.server import listen, new_event_loop
from purveyor.simulator.wire import Dialect

TEST_KEY: Final = "simulated-provider-test-key"
START_SECONDS: Final = 10.0
ALL_COMPLETE: Final = Outcomes(partial=0, canceled=0)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """An order as it was accepted; a copy that does not change."""

    id: int
    service: str
    link: str
    quantity: int
    """Per run of a drip-feed; 0 for a subscription."""
    fields: dict[str, str]
    """What was sent beside key, action, service, link and quantity."""
    charge: Decimal
    """Before refunds."""
    paid: Decimal
    """After refunds, at the moment of asking."""
    placed_at: float
    status: str
    """At the moment of asking."""
    remains: int
    """Undelivered at the moment of asking; of a parent, which delivers nothing itself, it has no meaning."""
    parent: int | None


class Simulator:
    """A running simulated provider, in the hands of a test. Every method may be called from any thread."""

    def __init__(self, *, provider: Provider, url: str, loop: asyncio.AbstractEventLoop) -> None:
        self._provider = provider
        self._loop = loop
        self.url = url
        """Of its API v2."""
        self.key = provider.key
        self.script: Script = provider.script

    @property
    def orders(self) -> list[Bought]:
        """Every order that `add` has bought, accepted in this order, whatever the caller was told."""
        return self._all_orders(children=False)

    @property
    def children(self) -> list[Bought]:
        """Every order that a drip-feed or a subscription has made."""
        return self._all_orders(children=True)

    @property
    def requests(self) -> list[Call]:
        """Every call received, without its key."""
        return self._in_loop(lambda provider: list(provider.calls))

    @property
    def balance(self) -> Decimal:
        """What `balance` would tell."""
        return self._settled(lambda provider: provider.books.balance)

    @property
    def now(self) -> float:
        """The provider's time, in seconds since the epoch."""
        return self._in_loop(lambda provider: provider.books.clock.now())

    def set_order(
        self,
        order_id: int | str,
        *,
        status: str | None = None,
        start_count: int | None = None,
        remains: int | None = None,
        charge: Decimal | None = None,
    ) -> None:
        """Fix parts of what `status` tells about an order, its money included; None stays as it was.

        Raises:
            KeyError: there is no such order.
        """
        self._settled(
            lambda provider: provider.books.set_order(
                provider.books.orders[int(order_id)],
                status=status,
                start_count=start_count,
                remains=remains,
                charge=charge,
            )
        )

    def release_order(self, order_id: int | str) -> None:
        """Give an order that `set_order` has changed its own life back; a changed charge stays.

        Raises:
            KeyError: there is no such order.
        """
        self._settled(lambda provider: provider.books.release_order(provider.books.orders[int(order_id)]))

    def decide_refill(self, refill_id: int | str, *, rejected: bool) -> None:
        """Settle how a refill ends.

        Raises:
            KeyError: there is no such refill.
        """
        self._settled(
            lambda provider: provider.books.decide_refill(
                provider.books.refills[int(refill_id)], rejected=rejected
            )
        )

    def set_balance(self, balance: Decimal) -> None:
        """Make the balance this."""
        self._settled(lambda provider: provider.books.set_balance(balance))

    def set_rate(self, service_id: str, rate: Decimal) -> None:
        """Change the price of a service for orders to come.

        Raises:
            KeyError: there is no such service.
        """
        self._settled(lambda provider: provider.books.set_rate(service_id, rate))

    def change_prices(self, factor: Decimal) -> None:
        """Make every rate a multiple of the standard catalogue's."""
        self._settled(lambda provider: misbehaving.change_prices(provider.books, factor=factor))

    def set_outcomes(self, *, partial: float | None = None, canceled: float | None = None) -> None:
        """Change the shares of orders that end Partial or Canceled, for orders placed from now on."""
        self._settled(lambda provider: provider.books.set_outcomes(partial=partial, canceled=canceled))

    def set_speed(self, speed: float) -> None:
        """Change how fast orders placed from now on live."""
        self._settled(lambda provider: provider.books.set_speed(speed))

    def set_latency(self, *, milliseconds: float) -> None:
        """Make every call take so much longer."""

        def change(provider: Provider) -> None:
            provider.latency_seconds = milliseconds / 1000

        self._in_loop(change)

    def set_refill_wait(self, *, seconds: float) -> None:
        """How long after completion, and after the last refill, a refill is refused as too soon."""

        def change(provider: Provider) -> None:
            provider.books.refill_wait_seconds = seconds

        self._in_loop(change)

    def refuse_duplicates(self, *, wanted: bool = True) -> None:
        """Refuse an order while another with its link is active."""
        self._in_loop(lambda provider: provider.books.refuse_duplicates(wanted=wanted))

    def take_idempotency_keys(self) -> None:
        """Be a Purveyor in this: the same `idempotency_key` again gives the same order again."""

        def change(provider: Provider) -> None:
            provider.books.takes_idempotency_keys = True

        self._in_loop(change)

    def freeze(self) -> None:
        """Stop the provider's clock."""
        self._in_loop(lambda provider: provider.books.clock.freeze())

    def resume(self) -> None:
        """Let the provider's clock run on."""
        self._in_loop(lambda provider: provider.books.clock.resume())

    def advance(self, seconds: float) -> None:
        """Move the provider's clock on, frozen or running, and let everything happen that falls due."""
        self._in_loop(lambda provider: provider.books.clock.advance(seconds))
        self._settled(lambda _provider: None)

    def _all_orders(self, *, children: bool) -> list[Bought]:
        def read(provider: Provider) -> list[Bought]:
            books = provider.books
            return [
                _bought(order, status=books.status(order), at=books.clock.now())
                for order in books.orders.values()
                if (order.parent is not None) is children
            ]

        return self._settled(read)

    def _settled(self, do: Callable[[Provider], T]) -> T:
        def settle_and_do(provider: Provider) -> T:
            provider.books.settle()
            return do(provider)

        return self._in_loop(settle_and_do)

    def _in_loop(self, do: Callable[[Provider], T]) -> T:
        """Do something where the provider lives, so that no call is in the middle of its work meanwhile."""

        async def run() -> T:
            return do(self._provider)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(START_SECONDS)


@contextmanager
def running_simulator(
    *,
    key: str = TEST_KEY,
    seed: int = 0,
    speed: float = 1.0,
    deposit: Decimal = DEFAULT_DEPOSIT,
    outcomes: Outcomes = ALL_COMPLETE,
    journal: Path | None = None,
    port: int = 0,
    frozen: bool = False,
    dialect: Dialect | None = None,
) -> Iterator[Simulator]:
    """Serve a simulated provider on loopback until the block ends.

    Unless `outcomes` says otherwise every order completes; `frozen` starts with a clock that only `advance`
    moves; `dialect` is how it wants to be called.

    Raises:
        OSError: the port is taken.
    """
    provider = open_provider(
        key=key,
        journal=journal,
        speed=speed,
        seed=seed,
        deposit=deposit,
        outcomes=outcomes,
        calls_remembered=None,
        dialect=dialect,
    )
    if frozen:
        provider.books.clock.freeze()
    loop = new_event_loop()()
    thread = threading.Thread(target=loop.run_forever, name="simulated-provider", daemon=True)
    thread.start()
    try:
        runner, url = asyncio.run_coroutine_threadsafe(
            listen(provider, host="127.0.0.1", port=port), loop
        ).result(START_SECONDS)
        try:
            yield Simulator(provider=provider, url=url, loop=loop)
        finally:
            asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(START_SECONDS)
    finally:
        asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result(START_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(START_SECONDS)
        loop.close()


def _bought(order: Order, *, status: str, at: float) -> Bought:
    return Bought(
        id=order.id,
        service=order.request.service,
        link=order.request.link,
        quantity=order.request.quantity,
        fields=dict(order.request.fields),
        charge=order.charge,
        paid=order.paid,
        placed_at=order.placed_at,
        status=str(status),
        remains=standing.progress(order, at=at).remains,
        parent=order.parent,
    )
