"""What was announced, as tests compare it."""

from typing import Any

from purveyor.database import fetch_all
from purveyor.outbox.models import OutboxEvent


def told(*kinds: str) -> list[tuple[str, str, int | None, dict[str, Any]]]:
    """Kind, about, customer and data of what was announced, oldest first; of these kinds, or of all."""
    events = OutboxEvent.objects.filter(kind__in=kinds) if kinds else OutboxEvent.objects.all()
    return [(event.kind, event.about, event.customer_id, event.data) for event in events.order_by("pk")]


def statements() -> dict[str, int]:
    """In how many statements of this transaction the events of each kind were written."""
    rows = fetch_all(
        "SELECT kind, count(DISTINCT cmin::text) AS statements FROM outbox_outboxevent GROUP BY kind"
    )
    return {row.kind: row.statements for row in rows}
