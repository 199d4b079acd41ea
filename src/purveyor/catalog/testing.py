"""Services for tests, in one line."""

from decimal import Decimal
from typing import Any

from purveyor.catalog.models import Category, Service
from purveyor.catalog.order_types import FORMS, OrderType
from purveyor.catalog.snapshot import forget


def make_service(
    type: OrderType = OrderType.DEFAULT,
    *,
    rate: Decimal | str = "1.00",
    min: int = 1,  # noqa: A002  (the field's name)
    max: int = 10_000,  # noqa: A002  (the field's name)
    **others: Any,
) -> Service:
    """A service that is on, in a category of its own name, and a snapshot that will know it."""
    if FORMS[type].is_package:
        min = max = 1  # noqa: A001  (as above)
    category, _ = Category.objects.get_or_create(name="Tests")
    service = Service.objects.create(
        category=category,
        name=others.pop("name", f"{type.value} of a test"),
        type=type,
        rate=Decimal(rate),
        min=min,
        max=max,
        **others,
    )
    forget()
    return service
