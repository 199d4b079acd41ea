"""Subscriptions that post events feed, as a person at a terminal reads them."""

from collections.abc import Iterator

from purveyor.ops.terminal import in_one_line, table
from purveyor.orders.models import Subscription


def lines() -> Iterator[str]:
    """A line for each that has not ended, oldest first."""
    found = Subscription.objects.filter(live=True).select_related("order__customer__user", "order__service")
    rows = []
    for item in found.order_by("pk").iterator():
        posts = f"{item.posts_done} of {'all' if item.posts is None else item.posts} posts"
        old = f", {item.old_posts_done} of {item.old_posts} old" if item.old_posts else ""
        until = f", until {item.expiry}" if item.expiry else ""
        reason = f" ({in_one_line(item.paused_reason)})" if item.paused_reason else ""
        cells = (
            f"{item.pk}",
            f"{item.order.status}{reason}",
            in_one_line(item.username),
            f"{item.min} to {item.max}, {posts}{old}{until}",
            str(item.order.customer),
            in_one_line(str(item.order.service)),
        )
        rows.append(cells)
    yield from table(rows, none="No subscription is fed by post events.")
