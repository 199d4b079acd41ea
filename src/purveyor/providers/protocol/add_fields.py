"""The form fields of an `add`, by the type of the service (protocol §3.1)."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from purveyor.catalog.order_types import FORMS, OrderType, QuantityFrom

EXPIRY_FORMAT: Final = "%d/%m/%Y"


def add_fields(
    *, external_id: str, type: OrderType, link: str, quantity: int, fields: Mapping[str, Any] | None
) -> dict[str, str]:
    """What is sent for an ordinary order, without the key: lists are joined by line breaks (protocol §9)."""
    form = FORMS[type]
    sent = {"action": "add", "service": external_id, "link": link}
    if form.quantity is QuantityFrom.FIELD:
        sent["quantity"] = str(quantity)
    for field in form.fields:
        value = (fields or {}).get(field.name)
        if value is not None:
            sent[field.name] = "\n".join(value) if isinstance(value, list) else str(value)
    return sent


def subscription_fields(
    *,
    external_id: str,
    username: str,
    smallest: int,
    largest: int,
    posts: int | None,
    old_posts: int,
    delay_minutes: int,
    expiry: date | None,
) -> dict[str, str]:
    """What is sent for a subscription, without the key (protocol §3.4). What has no limit is left out."""
    sent = {
        "action": "add",
        "service": external_id,
        "username": username,
        "min": str(smallest),
        "max": str(largest),
        "delay": str(delay_minutes),
    }
    if posts is not None:
        sent["posts"] = str(posts)
    if old_posts:
        sent["old_posts"] = str(old_posts)
    if expiry is not None:
        sent["expiry"] = expiry.strftime(EXPIRY_FORMAT)
    return sent
