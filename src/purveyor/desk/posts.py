"""Posts of fed subscriptions over HTTP: which accounts to watch, and what was found there."""

from typing import Annotated, Any

import msgspec

from purveyor.desk.door import Call
from purveyor.desk.errors import InvalidField, NotHere, OutOfOrder, PostRefused
from purveyor.desk.jobs import After, Id
from purveyor.orders.feeding import MOST_IN_A_PAGE, SCOPE, Told, tell_post, tell_post_of, to_watch
from purveyor.orders.placing import PlacingInterrupted
from purveyor.orders.refusals import BadLink, NotFed, Refusal
from purveyor.orders.validation import LONGEST_TEXT_CHARACTERS

Username = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_TEXT_CHARACTERS)]


class PostBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A post, of one subscription or of all to an account, which may be narrowed to those of one service."""

    url: str
    subscription: Id | None = None
    username: Username | None = None
    service: Id | None = None
    old: bool = False


class WatchQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A page of what is to be watched."""

    after: After = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_IN_A_PAGE)] = MOST_IN_A_PAGE


def tell(call: Call) -> Any:
    """Tell of a post. Telling it again changes nothing, so a caller that got no answer may repeat it."""
    call.require(SCOPE)
    body = call.read(PostBody)
    if (body.subscription is None) is (body.username is None):
        raise InvalidField("Give either `subscription` or `username`")
    if body.service is not None and body.username is None:
        raise InvalidField("`service` goes with `username`")
    try:
        told = _told(body)
    except BadLink as wrong:
        raise InvalidField(f"{wrong} - at `$.url`") from None
    except NotFed as unknown:
        raise NotHere(str(unknown)) from None
    except Refusal as refusal:
        raise PostRefused(str(refusal)) from None
    except PlacingInterrupted:
        raise OutOfOrder("The database does not answer; try again") from None
    return {
        "posts": [
            {
                "subscription": item.subscription_id,
                "order": item.order_id,
                "new": item.is_new,
                "reason": item.reason,
            }
            for item in told
        ]
    }


def _told(body: PostBody) -> list[Told]:
    if body.subscription is not None:
        return [tell_post(subscription_id=body.subscription, url=body.url, old=body.old)]
    assert body.username is not None  # noqa: S101  (one of the two, as the caller has checked)
    return tell_post_of(username=body.username, url=body.url, old=body.old, service_id=body.service)


def list_watched(call: Call) -> Any:
    """A page of the active subscriptions; `after` is the last id of the page before."""
    call.require(SCOPE)
    query = call.read_query(WatchQuery)
    return {
        "subscriptions": [
            {
                "subscription": row.id,
                "service": row.service_id,
                "username": row.username,
                "posts": row.posts,
                "old_posts": row.old_posts,
            }
            for row in to_watch(after=query.after, limit=query.limit)
        ]
    }
