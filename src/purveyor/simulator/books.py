"""The books of the simulated provider: orders, refills, the balance, and what falls due as time goes on."""

import dataclasses
import heapq
from decimal import Decimal
from typing import Final

import msgspec

from purveyor.simulator import catalogue, life, ordering, refusals, standing
from purveyor.simulator.clock import Clock
from purveyor.simulator.journal import (
    VERSION,
    AnyEntry,
    Began,
    Canceling,
    Decided,
    Deposited,
    Journal,
    JournalDamaged,
    Overridden,
    Placed,
    Priced,
    Refilling,
)
from purveyor.simulator.life import Outcomes, Status
from purveyor.simulator.orders import Order, Override, Refill, Request
from purveyor.simulator.refusals import Refused

FIRST_ORDER_ID: Final = 100_001
FIRST_REFILL_ID: Final = 5_001
ACTIVE: Final = frozenset({Status.PENDING, Status.PROCESSING, Status.IN_PROGRESS, Status.ACTIVE})
"""The states in which an order occupies its link."""

AFTER_ROUNDING_SECONDS: Final = 1e-5
"""How much later than an end it is looked at, so that the rounding of the epoch's seconds cannot miss it."""

PAUSE_SECONDS: Final = 5.0
"""Life seconds until a paused subscription looks again whether it can go on."""
PAUSE_GROWTH: Final = 0.1
"""After a long pause it looks again after this share of it, so that years pass in few steps."""


class Books:
    """Everything the provider knows, in memory, and in the journal where there is one.

    Not safe for several threads: the event loop of the server is the only one that calls it.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        journal: Journal | None = None,
        seed: int = 0,
        speed: float = 1.0,
        deposit: Decimal = Decimal(10_000),
        outcomes: Outcomes | None = None,
        refill_wait_seconds: float = 0.0,
    ) -> None:
        self.clock = clock
        self.journal = journal
        self.seed = seed
        self.speed = 1.0
        """Life seconds per second, for orders placed from now on."""
        self.set_speed(speed)
        self.refill_wait_seconds = refill_wait_seconds
        """Seconds after completion, and after the last refill, before one is accepted; live panels: a day."""
        self.takes_idempotency_keys = False
        """Whether the same key again gives the same order again, as a Purveyor does."""
        self.outcomes = outcomes if outcomes is not None else Outcomes()
        self.services = catalogue.standard()
        self.orders: dict[int, Order] = {}
        self.refills: dict[int, Refill] = {}
        self._deposit = deposit
        self._paid = Decimal(0)
        self._due: list[tuple[float, int]] = []
        self._by_link: dict[str, list[int]] | None = None
        if journal is not None:
            self._replay(journal)

    @property
    def balance(self) -> Decimal:
        """What is left of the deposit after all charges and refunds so far."""
        return self._deposit - self._paid

    @property
    def noted(self) -> int:
        """How many entries were given to the journal since the start."""
        return 0 if self.journal is None else self.journal.appended

    def settle(self) -> None:
        """Let everything happen that has fallen due: refunds at the end, runs, posts."""
        now = self.clock.now()
        while self._due and self._due[0][0] <= now:
            due, order_id = heapq.heappop(self._due)
            order = self.orders[order_id]
            if standing.is_parent(order):
                self._make_child(order, due=due)
            self._charge_anew(order, at=due)

    def place(self, request: Request) -> Order:
        """Accept an order and take its charge.

        Raises:
            Refused: an order with this link is active, where duplicates are refused; or the funds are short.
        """
        service = self.services[request.service]
        charge = ordering.whole_charge(service=service, request=request)
        self._refuse_duplicate(request.link)
        if charge > self.balance:
            raise Refused(refusals.NOT_ENOUGH_FUNDS)
        order = self._record(request=request, charge=charge, rate=service.rate, at=self.clock.now())
        self.settle()  # the first run of a drip-feed is due at once
        return order

    def cancel(self, order: Order) -> None:
        """Note an accepted request to cancel."""
        now = self.clock.now()
        self._note(Canceling(order=order.id, at=now))
        order.cancel_requested_at = now
        self._await_stop(order)

    def refill(self, order: Order) -> Refill:
        """Accept a refill."""
        refill = Refill(
            id=FIRST_REFILL_ID + len(self.refills),
            order=order.id,
            requested_at=self.clock.now(),
            speed=self.speed,
        )
        self._note(Refilling(refill=refill))
        self._keep_refill(refill)
        return refill

    def status(self, order: Order) -> str:
        """The status word of an order at this moment."""
        return standing.status(order, at=self.clock.now(), orders=self.orders)

    def refill_status(self, refill: Refill) -> Status:
        """Where a refill is at this moment."""
        age = (self.clock.now() - refill.requested_at) * refill.speed
        return life.refill_status(seed=self.seed, refill_id=refill.id, age=age, rejected=refill.rejected)

    # Changes by hand, for tests and the control door.

    def set_order(
        self,
        order: Order,
        *,
        status: str | None = None,
        start_count: int | None = None,
        remains: int | None = None,
        charge: Decimal | None = None,
    ) -> None:
        """Fix parts of what `status` tells about an order; what is None stays as it was."""
        hand = order.override if order.override is not None else Override()
        changes = {"status": status, "start_count": start_count, "remains": remains}
        given = {name: value for name, value in changes.items() if value is not None}
        order.override = msgspec.structs.replace(hand, **given)
        order.charge = order.charge if charge is None else charge
        self._note(Overridden(order=order.id, override=order.override, charge=order.charge))
        self._charge_anew(order, at=self.clock.now())

    def set_speed(self, speed: float) -> None:
        """Change how fast orders placed from now on live.

        Raises:
            ValueError: it is not above zero.
        """
        if not speed > 0:
            raise ValueError("the speed must be above zero")
        self.speed = speed

    def set_outcomes(self, *, partial: float | None = None, canceled: float | None = None) -> None:
        """Change the shares of orders that end so, for orders placed from now on; None stays.

        Raises:
            ValueError: they are not shares.
        """
        self.outcomes = Outcomes(
            partial=self.outcomes.partial if partial is None else partial,
            canceled=self.outcomes.canceled if canceled is None else canceled,
        )

    def release_order(self, order: Order) -> None:
        """Give an order its own life back; a changed charge stays."""
        order.override = None
        self._note(Overridden(order=order.id, override=None, charge=order.charge))
        if standing.is_parent(order):
            self._await_child(order, not_before=self.clock.now())
        self._charge_anew(order, at=self.clock.now())

    def set_balance(self, balance: Decimal) -> None:
        """Pay in, or take out, as much as makes the balance this."""
        self._deposit = balance + self._paid
        self._note(Deposited(deposit=self._deposit))

    def set_rate(self, service_id: str, rate: Decimal) -> None:
        """Change the price of a service for orders to come.

        Raises:
            KeyError: there is no such service.
        """
        self.services[service_id] = dataclasses.replace(self.services[service_id], rate=rate)
        self._note(Priced(service=service_id, rate=rate))

    def decide_refill(self, refill: Refill, *, rejected: bool) -> None:
        """Settle how a refill ends."""
        refill.rejected = rejected
        self._note(Decided(refill=refill.id, rejected=rejected))

    def refuse_duplicates(self, *, wanted: bool) -> None:
        """Whether an order is refused while another with its link is active (§6.4, link only)."""
        if not wanted:
            self._by_link = None
        elif self._by_link is None:
            self._by_link = {}
            for order in self.orders.values():
                self._index_link(order)

    # What follows is how the books keep themselves.

    def _note(self, entry: AnyEntry) -> None:
        if self.journal is not None:
            self.journal.append(entry)

    def _record(
        self,
        *,
        request: Request,
        charge: Decimal,
        rate: Decimal,
        at: float,
        parent: int | None = None,
        of_old_post: bool = False,
    ) -> Order:
        order_id = FIRST_ORDER_ID + len(self.orders)
        quantity = request.quantity
        outcome = life.draw_outcome(
            seed=self.seed, order_id=order_id, quantity=quantity, outcomes=self.outcomes
        )
        order = Order(
            id=order_id,
            request=request,
            rate=rate,
            charge=charge,
            placed_at=at,
            speed=self.speed,
            outcome=outcome,
            fate=life.fate(seed=self.seed, order_id=order_id, quantity=quantity, outcome=outcome),
            parent=parent,
            of_old_post=of_old_post,
        )
        self._note(Placed(order=order))
        self._keep(order)
        self._await_life(order, not_before=at)
        self._charge_anew(order, at=at)
        if parent is not None:
            self._charge_anew(self.orders[parent], at=at)  # a run takes its part of the charge over
        return order

    def _keep(self, order: Order) -> None:
        """Enter an order, from `add`, from its parent or from the journal."""
        self.orders[order.id] = order
        if order.parent is not None:
            parent = self.orders[order.parent]
            if order.of_old_post:
                parent.old_children += (order.id,)
            else:
                parent.children += (order.id,)
        else:
            self._index_link(order)

    def _await_life(self, order: Order, *, not_before: float) -> None:
        """See to it that an order's next child is made, from `not_before` on, or its refund paid."""
        if standing.is_parent(order):
            self._await_child(order, not_before=not_before)
        elif order.outcome is not Status.COMPLETED:
            self._await(order, order.placed_at + order.fate.ends_at / order.speed + AFTER_ROUNDING_SECONDS)

    def _make_child(self, parent: Order, *, due: float) -> None:
        """Make the child of a parent that is due, if its funds allow and nobody paused it."""
        child = standing.next_child(parent, seed=self.seed)
        if child is None or child.at > due:
            return
        service = self.services[parent.request.service]
        rate = parent.rate if parent.request.dripfeed is not None else service.rate
        charge = ordering.charge(service=service, rate=rate, quantity=child.request.quantity)
        by_hand = parent.override is not None and parent.override.status == Status.PAUSED
        short = parent.request.subscription is not None and charge > self.balance
        parent.paused = by_hand or short
        if parent.paused:
            pause = max(PAUSE_SECONDS / parent.speed, (due - child.at) * PAUSE_GROWTH)
            self._await_child(parent, not_before=due + pause)
            return
        self._record(
            request=child.request,
            charge=charge,
            rate=rate,
            at=due,
            parent=parent.id,
            of_old_post=child.of_old_post,
        )
        self._await_child(parent, not_before=due)

    def _await_child(self, parent: Order, *, not_before: float) -> None:
        child = standing.next_child(parent, seed=self.seed)
        if child is not None:
            self._await(parent, max(child.at, not_before))

    def _await_stop(self, order: Order) -> None:
        stop = standing.stops_at(order)
        if stop is not None:
            self._await(order, stop + AFTER_ROUNDING_SECONDS)

    def _await(self, order: Order, instant: float) -> None:
        """See to it that `settle` looks at this order at an instant."""
        heapq.heappush(self._due, (instant, order.id))

    def _charge_anew(self, order: Order, *, at: float) -> None:
        """Bring what is taken from the balance for an order in line with where it stands."""
        paid = standing.paid(order, at=at, orders=self.orders)
        self._paid += paid - order.paid
        order.paid = paid

    def _index_link(self, order: Order) -> None:
        if self._by_link is not None:
            self._by_link.setdefault(_normal(order.request.link), []).append(order.id)

    def _refuse_duplicate(self, link: str) -> None:
        if self._by_link is None:
            return
        ids = self._by_link.get(_normal(link), [])
        ids[:] = [order_id for order_id in ids if self.status(self.orders[order_id]) in ACTIVE]
        if ids:
            raise Refused(refusals.DUPLICATE_LINK)

    def _keep_refill(self, refill: Refill) -> None:
        self.refills[refill.id] = refill
        self.orders[refill.order].refills += (refill.id,)

    def _replay(self, journal: Journal) -> None:
        """Take up where the journal ends.

        Raises:
            JournalDamaged: its entries do not belong together.
        """
        seed = None
        latest = 0.0
        try:
            for entry in journal.replay():
                if isinstance(entry, Began):
                    seed = entry.seed
                latest = max(latest, self._take_up(entry))
        except (KeyError, AttributeError) as error:
            raise JournalDamaged(f"an entry speaks of what the journal does not hold: {error}") from error
        if seed is None:
            journal.append(Began(version=VERSION, seed=self.seed))
        else:
            self.seed = seed
        self.clock.not_before(latest)
        for order in self.orders.values():
            # Only now: which child comes next is known when all that were made are read.
            self._await_life(order, not_before=latest)
            self._charge_anew(order, at=self.clock.now())
        self.settle()

    def _take_up(self, entry: AnyEntry) -> float:
        """Apply one entry of the journal; returns when it happened, 0 where it does not say."""
        match entry:
            case Placed(order=order):
                self._keep(order)
                return order.placed_at
            case Canceling(order=order_id, at=at):
                self.orders[order_id].cancel_requested_at = at
                self._await_stop(self.orders[order_id])
                return at
            case Refilling(refill=refill):
                self._keep_refill(refill)
                return refill.requested_at
            case Decided(refill=refill_id, rejected=rejected):
                self.refills[refill_id].rejected = rejected
            case Overridden(order=order_id, override=override, charge=charge):
                self.orders[order_id].override = override
                self.orders[order_id].charge = charge
            case Deposited(deposit=deposit):
                self._deposit = deposit
            case Priced(service=service_id, rate=rate):
                self.services[service_id] = dataclasses.replace(self.services[service_id], rate=rate)
            case Began():
                pass
        return 0.0


def _normal(link: str) -> str:
    """A link without what does not tell two targets apart: scheme, www and a closing slash."""
    bare = link.strip().lower().removeprefix("https://").removeprefix("http://")
    return bare.removeprefix("www.").rstrip("/")
