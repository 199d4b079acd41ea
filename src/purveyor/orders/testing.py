"""Orders for tests, in one line."""

import itertools

from purveyor.accounts.models import Customer
from purveyor.catalog.models import Service
from purveyor.orders.models import Order, Source
from purveyor.orders.placing import place
from purveyor.orders.refusals import Refusal
from purveyor.orders.requests import OrderRequest, Placed

_numbers = itertools.count(1)


def request(
    customer: Customer, service: Service | int, *, idempotency_key: str | None = None, **fields: object
) -> OrderRequest:
    """An order as the API hands it on; without a link it gets one of its own."""
    fields.setdefault("link", f"https://example.com/{next(_numbers)}")
    return OrderRequest(
        customer_id=customer.pk,
        source=Source.API,
        service=str(service if isinstance(service, int) else service.pk),
        fields={name: str(value) for name, value in fields.items()},
        idempotency_key=idempotency_key,
    )


def try_one(customer: Customer, service: Service | int, **fields: object) -> Placed | Refusal:
    """What `place` answers to one order."""
    (answer,) = place([request(customer, service, **fields)])  # type: ignore[arg-type]
    return answer


def place_one(customer: Customer, service: Service, **fields: object) -> Order:
    """An order that was placed. Raises the refusal if there is one."""
    answer = try_one(customer, service, **fields)
    if isinstance(answer, Refusal):
        raise answer
    return Order.objects.get(pk=answer.order_id)
