"""What happened lately, for people."""

from purveyor.outbox.models import OutboxEvent


def listed(*, after: int | None, kind: str | None, limit: int) -> list[OutboxEvent]:
    """The first events after a position, or the newest where none is given; of one kind, or of all.

    In the order of positions. What has none yet, because it happened just now, is not among them.
    """
    found = OutboxEvent.objects.filter(position__isnull=False)
    if kind is not None:
        found = found.filter(kind=kind)
    if after is not None:
        return list(found.filter(position__gt=after).order_by("position")[:limit])
    return list(found.order_by("-position")[:limit])[::-1]
