"""One trial of the fault matrix: a service of ours, and the providers in trouble that fulfil it.

Needs Django to be set up.
"""

import contextlib
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from purveyor.accounts.models import Customer
from purveyor.catalog.models import Service
from purveyor.database import fetch_all
from purveyor.orders.cancelling import request_cancels
from purveyor.orders.models import Order
from purveyor.orders.placing import place
from purveyor.orders.refilling import request_refills
from purveyor.orders.requests import Placed
from purveyor.orders.testing import request
from purveyor.providers.models import Fulfilment, Handover, Provider
from purveyor.providers.outcomes.settling import CannotSettle, settle_as_not_placed, settle_as_placed
from purveyor.simulator.behaviours import Behaviour, Fault
from purveyor.simulator.testing import Simulator
from tests.faults.cases import Case
from tests.faults.truth import HandedOver, Sold, There, disagreements, disagreements_of_several

PLACED_AT_ONCE: Final = 100
ONE_IN_CANCELED: Final = 12
TIMES_MINIMUM: Final = 10

_SOLD: Final = """
SELECT orders.id AS order_id, orders.link, orders.quantity, orders.status, orders.hold_reason AS held,
       orders.charge,
       count(transfer.id) FILTER (WHERE transfer.kind = 'charge') AS charges,
       coalesce(sum(transfer.amount) FILTER (WHERE transfer.kind = 'charge'), 0) AS charged,
       coalesce(sum(transfer.amount) FILTER (WHERE transfer.kind = 'refund'), 0)
       - coalesce(sum(transfer.amount) FILTER (WHERE transfer.kind = 'recharge'), 0) AS refunded
FROM orders_order orders
LEFT JOIN money_transfer transfer
    ON transfer.cause_id = orders.id AND transfer.kind IN ('charge', 'refund', 'recharge')
WHERE orders.service_id = %(service)s
GROUP BY orders.id ORDER BY orders.id
"""
_HANDED: Final = """
SELECT fulfilment.id, fulfilment.order_id, orders.link, fulfilment.handover, fulfilment.external_id,
       fulfilment.provider_charge AS told,
       coalesce(sum(CASE transfer.kind WHEN 'provider_refund' THEN -amount ELSE amount END), 0) AS booked
FROM providers_fulfilment fulfilment
JOIN orders_order orders ON orders.id = fulfilment.order_id
LEFT JOIN money_transfer transfer
    ON transfer.cause_id = fulfilment.id
    AND transfer.kind IN ('provider_cost', 'provider_refund', 'provider_recost')
WHERE fulfilment.provider_id = %(provider)s
GROUP BY fulfilment.id, orders.link ORDER BY fulfilment.id
"""
_REFILLS: Final = """
SELECT count(*) AS open FROM orders_refill refill JOIN orders_order orders ON orders.id = refill.order_id
WHERE orders.service_id = %(service)s AND refill.status IN ('Pending', 'In progress')
"""


@dataclass(frozen=True, kw_only=True)
class Site:
    """A provider, and what it is at the panel."""

    simulator: Simulator
    provider: Provider

    def handed(self) -> list[HandedOver]:
        """The hand-overs to it as the panel has them."""
        return [HandedOver(**row._asdict()) for row in fetch_all(_HANDED, {"provider": self.provider.pk})]

    def there(self) -> list[There]:
        """The orders as the provider has them."""
        return [
            There(
                id=item.id,
                link=item.link,
                quantity=item.quantity,
                status=item.status,
                remains=item.remains,
                paid=item.paid,
            )
            for item in self.simulator.orders
        ]

    def settle(self) -> int:
        """Settle what is unknown as a person would who looks at its own list; returns how many."""
        ids = {item.link: str(item.id) for item in self.there()}
        unknown = Fulfilment.objects.filter(provider=self.provider, handover=Handover.UNKNOWN)
        waiting = list(unknown.select_related("order"))
        for fulfilment in waiting:
            with contextlib.suppress(CannotSettle):  # evidence, or a late answer, was quicker
                external_id = ids.get(fulfilment.order.link)
                if external_id is None:
                    settle_as_not_placed(fulfilment=fulfilment, actor="staff")
                else:
                    settle_as_placed(fulfilment=fulfilment, external_id=external_id, actor="staff")
        return len(waiting)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Providers in trouble, one as a rule, and the service that they alone fulfil."""

    case: Case
    sites: tuple[Site, ...]
    """In the order in which they are tried; each further one gets what those before leave."""
    service: Service
    customer: Customer

    def order(self, number: int) -> None:
        """Sell so many orders."""
        # What is left of an order must still be enough for the next provider.
        quantity = self.service.min * (1 if len(self.sites) == 1 else TIMES_MINIMUM)
        for start in range(0, number, PLACED_AT_ONCE):
            many = min(PLACED_AT_ONCE, number - start)
            answers = place([request(self.customer, self.service, quantity=quantity) for _ in range(many)])
            assert all(isinstance(answer, Placed) for answer in answers), answers

    def cancel_some(self) -> None:
        """Take the customer's wish to cancel some of the orders, wherever they are on their way."""
        orders = Order.objects.filter(service=self.service).order_by("-pk").values_list("pk", flat=True)
        request_cancels([(self.customer.pk, order_id) for order_id in orders[::ONE_IN_CANCELED]])

    def misbehave(self, *, seed: int) -> None:
        """Let the trouble begin: each fault that must be met at once, then all of them by chance."""
        for site in self.sites:
            for action, mix in self.case.mixes.items():
                script = site.simulator.script
                script.next(action, *(each for each in mix if self._must_be_met(each)))
                script.mix(mix, seed=seed, action=action)

    def _must_be_met(self, given: Fault | Behaviour) -> bool:
        return isinstance(given, Behaviour) and given.fault in self.case.faults

    def behave(self) -> None:
        """Let the trouble end, also at the old prices."""
        for site in self.sites:
            site.simulator.script.clear()
            site.simulator.change_prices(Decimal(1))

    def refill(self) -> None:
        """Ask for a refill of every completed order that has none."""
        completed = Order.objects.filter(service=self.service, status="Completed", refills=None)
        request_refills([(self.customer.pk, pk) for pk in completed.values_list("pk", flat=True)])

    def sold(self) -> list[Sold]:
        """The orders as the panel has them."""
        return [Sold(**row._asdict()) for row in fetch_all(_SOLD, {"service": self.service.pk})]

    def handed(self) -> list[HandedOver]:
        """The hand-overs as the panel has them."""
        return [item for site in self.sites for item in site.handed()]

    def found(self) -> list[str]:
        """What is not at rest, or wrong."""
        # The providers first: what they accept after this look may not be missed at the panel.
        there = [site.there() for site in self.sites]
        handed = [site.handed() for site in self.sites]
        sold, prices_changed = self.sold(), self.case.prices
        if len(self.sites) == 1:
            found = list(disagreements(sold, handed[0], there[0], prices_changed=prices_changed))
        else:
            found = list(disagreements_of_several(sold, list(zip(handed, there, strict=True))))
        (refills,) = fetch_all(_REFILLS, {"service": self.service.pk})
        return [*found, f"{refills.open} refills have come to no end"] if refills.open else found

    def settle(self) -> int:
        """Settle what is unknown as a person would who looks at the providers' lists; returns how many."""
        return sum(site.settle() for site in self.sites)
