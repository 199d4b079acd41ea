"""What becomes of a post that is told of a subscription: facts in, a decision out."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from purveyor.orders.models import PostOutcome, Status

ALREADY_SERVED: Final = "It is an order already"
ENDED: Final = "The subscription is {status}"
PAST_EXPIRY: Final = "The subscription has run out"
MADE_WHILE_PAUSED: Final = "The subscription was paused"
NO_MORE_NEW: Final = "All its new posts are served"
NO_MORE_OLD: Final = "All its old posts are served"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A fed subscription, as it stands when a post is told."""

    status: str
    posts: int | None
    """New posts to serve; None until expiry or cancel."""
    old_posts: int
    posts_done: int
    old_posts_done: int
    expiry: date | None
    """The last day on which posts are served."""

    @property
    def is_complete(self) -> bool:
        """Whether all its posts, new and old, have been made orders."""
        return (
            self.posts is not None and self.posts_done >= self.posts and self.old_posts_done >= self.old_posts
        )


class Serve:
    """The post becomes an order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """The post becomes no order."""

    reason: str
    for_good: bool = False
    """Whether it stays so when the post is told again, because it was made while nothing was to be served."""


def decide_post(standing: Standing, *, old: bool, before: str | None, today: date) -> Serve | Skip:
    """Whether a post is served; `old` says that it was there before the subscription.

    `before` is the outcome (`PostOutcome`) when the same post was told earlier. One that could not be paid
    then may be served now; one that was made while the subscription was paused is not, whenever it is told.
    """
    if before == PostOutcome.SERVED:
        return Skip(reason=ALREADY_SERVED)
    if standing.status not in (Status.ACTIVE, Status.PAUSED):
        return Skip(reason=ENDED.format(status=standing.status))
    if standing.expiry is not None and today > standing.expiry:
        return Skip(reason=PAST_EXPIRY)
    if before == PostOutcome.SKIPPED:
        return Skip(reason=MADE_WHILE_PAUSED)
    if old and standing.old_posts_done >= standing.old_posts:
        return Skip(reason=NO_MORE_OLD)
    if not old and standing.posts is not None and standing.posts_done >= standing.posts:
        return Skip(reason=NO_MORE_NEW)
    if standing.status == Status.PAUSED:
        # An old post was not made now: it is served when it is told after the pause.
        return Skip(reason=MADE_WHILE_PAUSED, for_good=not old)
    return Serve()
