"""The order types of API v2 and the fields each of them takes (protocol §3.1).

The spelling of the names is part of the protocol: consumers turn them into identifiers of their own.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum


class OrderType(StrEnum):
    """A type of order, spelled as `services` tells it."""

    DEFAULT = "Default"
    SEO = "SEO"
    CUSTOM_COMMENTS = "Custom Comments"
    MENTIONS_WITH_HASHTAGS = "Mentions with Hashtags"
    MENTIONS_CUSTOM_LIST = "Mentions Custom List"
    MENTIONS_HASHTAG = "Mentions Hashtag"
    MENTIONS_USER_FOLLOWERS = "Mentions User Followers"
    MENTIONS_MEDIA_LIKERS = "Mentions Media Likers"
    MENTIONS = "Mentions"
    PACKAGE = "Package"
    CUSTOM_COMMENTS_PACKAGE = "Custom Comments Package"
    COMMENT_LIKES = "Comment Likes"
    POLL = "Poll"
    COMMENT_REPLIES = "Comment Replies"
    INVITES_FROM_GROUPS = "Invites from Groups"
    SUBSCRIPTIONS = "Subscriptions"
    WEB_TRAFFIC = "Web Traffic"


class QuantityFrom(Enum):
    """Where the quantity of an order comes from."""

    FIELD = "the quantity field"
    LINES = "the number of lines of the type's list field"
    ONE = "always one package"
    POSTS = "each post's own quantity, between min and max"


class FieldKind(Enum):
    """How a field of an order is read."""

    TEXT = "one line of text"
    NUMBER = "a whole number of zero or more"
    LINES = "one entry per line; commas part entries only when there is no line break"
    COMMENTS = "one entry per line; a comma is part of the entry"


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field of an order beside link and quantity."""

    name: str
    kind: FieldKind
    required: bool = True
    meaning: str


@dataclass(frozen=True, kw_only=True)
class OrderForm:
    """What an order of one type consists of."""

    type: OrderType
    link: bool = True
    quantity: QuantityFrom = QuantityFrom.FIELD
    fields: tuple[Field, ...] = ()
    dripfeed: bool = False
    """Whether the protocol has `runs` and `interval` for this type; the service must offer it too."""

    @property
    def counted_field(self) -> str | None:
        """The list field whose lines are the quantity, if there is one."""
        if self.quantity is not QuantityFrom.LINES:
            return None
        return next(
            field.name for field in self.fields if field.kind in (FieldKind.LINES, FieldKind.COMMENTS)
        )

    @property
    def is_package(self) -> bool:
        """Whether the rate is the price of one order instead of a thousand."""
        return self.quantity is QuantityFrom.ONE

    @property
    def is_divisible(self) -> bool:
        """Whether a part of an order can be ordered again: only where its quantity is a mere number.

        Nobody tells which lines of a list were delivered, and of a package there is no half.
        """
        return self.quantity is QuantityFrom.FIELD


def _lines(name: str, meaning: str) -> Field:
    return Field(name=name, kind=FieldKind.LINES, meaning=meaning)


def _text(name: str, meaning: str) -> Field:
    return Field(name=name, kind=FieldKind.TEXT, meaning=meaning)


_COMMENTS = Field(name="comments", kind=FieldKind.COMMENTS, meaning="Comments, one per line")
_USERNAMES = _lines("usernames", "Usernames, one per line")

_FORMS = (
    OrderForm(type=OrderType.DEFAULT, dripfeed=True),
    OrderForm(type=OrderType.SEO, fields=(_lines("keywords", "Keywords, one per line"),)),
    OrderForm(
        type=OrderType.CUSTOM_COMMENTS, quantity=QuantityFrom.LINES, fields=(_COMMENTS,), dripfeed=True
    ),
    OrderForm(
        type=OrderType.MENTIONS_WITH_HASHTAGS,
        fields=(_USERNAMES, _lines("hashtags", "Hashtags, one per line")),
    ),
    OrderForm(type=OrderType.MENTIONS_CUSTOM_LIST, quantity=QuantityFrom.LINES, fields=(_USERNAMES,)),
    OrderForm(type=OrderType.MENTIONS_HASHTAG, fields=(_text("hashtag", "Hashtag to take usernames from"),)),
    OrderForm(
        type=OrderType.MENTIONS_USER_FOLLOWERS,
        fields=(_text("username", "Name or URL to take usernames from"),),
    ),
    OrderForm(
        type=OrderType.MENTIONS_MEDIA_LIKERS, fields=(_text("media", "Media URL to take usernames from"),)
    ),
    OrderForm(type=OrderType.MENTIONS, fields=(_USERNAMES,)),
    OrderForm(type=OrderType.PACKAGE, quantity=QuantityFrom.ONE),
    OrderForm(type=OrderType.CUSTOM_COMMENTS_PACKAGE, quantity=QuantityFrom.ONE, fields=(_COMMENTS,)),
    OrderForm(
        type=OrderType.COMMENT_LIKES,
        fields=(_text("username", "Username of the comment's owner"),),
        dripfeed=True,
    ),
    OrderForm(type=OrderType.POLL, fields=(_text("answer_number", "Number of the answer"),)),
    OrderForm(
        type=OrderType.COMMENT_REPLIES,
        quantity=QuantityFrom.LINES,
        fields=(_COMMENTS, _text("username", "Username of the comment's owner")),
    ),
    OrderForm(
        type=OrderType.INVITES_FROM_GROUPS,
        fields=(Field(name="groups", kind=FieldKind.COMMENTS, meaning="Groups, one per line"),),
    ),
    OrderForm(
        type=OrderType.SUBSCRIPTIONS,
        link=False,
        quantity=QuantityFrom.POSTS,
        fields=(
            _text("username", "Account name or URL to follow"),
            Field(name="min", kind=FieldKind.NUMBER, meaning="Smallest quantity per post"),
            Field(name="max", kind=FieldKind.NUMBER, meaning="Largest quantity per post"),
            Field(
                name="posts",
                kind=FieldKind.NUMBER,
                required=False,
                meaning="New posts to serve; absent means until expiry or cancel",
            ),
            Field(name="old_posts", kind=FieldKind.NUMBER, required=False, meaning="Existing posts to serve"),
            Field(name="delay", kind=FieldKind.NUMBER, meaning="Minutes between a post and its order"),
            Field(name="expiry", kind=FieldKind.TEXT, required=False, meaning="Last day, as d/m/Y"),
        ),
    ),
    OrderForm(
        type=OrderType.WEB_TRAFFIC,
        fields=(
            _text("country", "Country, ISO-2 code or full name"),
            Field(
                name="device",
                kind=FieldKind.NUMBER,
                meaning="1 desktop, 2 Android, 3 iOS, 4 mixed mobile, 5 mixed mobile and desktop",
            ),
            Field(
                name="type_of_traffic",
                kind=FieldKind.NUMBER,
                meaning="1 Google keyword, 2 custom referrer, 3 blank referrer",
            ),
            Field(
                name="google_keyword",
                kind=FieldKind.TEXT,
                required=False,
                meaning="Required when type_of_traffic is 1",
            ),
            Field(
                name="referring_url",
                kind=FieldKind.TEXT,
                required=False,
                meaning="Required when type_of_traffic is 2",
            ),
        ),
        dripfeed=True,
    ),
)

FORMS: dict[OrderType, OrderForm] = {form.type: form for form in _FORMS}

SUBSCRIPTION_DELAYS_MINUTES = frozenset(
    {0, 5, 10, 15, 20, 30, 40, 50, 60, 90, 120, 150, 180, 210, 240, 270, 300, 360, 420, 480, 540, 600}
)
"""The delays that panels document, all of them together (protocol §3.4)."""

WEB_TRAFFIC_DEVICES = range(1, 6)
TRAFFIC_FROM_GOOGLE_KEYWORD = 1
TRAFFIC_FROM_REFERRER = 2
WEB_TRAFFIC_KINDS = range(1, 4)
