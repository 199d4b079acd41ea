"""Orders: what a customer bought, with everything that decided its price."""

from typing import Final

from django.db import models
from django.db.models.functions import Now

from purveyor.accounts.models import Customer
from purveyor.catalog.models import RATE_DIGITS, RATE_PLACES, Service
from purveyor.money.models import amount_field

LONGEST_IDEMPOTENCY_KEY: Final = 100


class OrderKind(models.TextChoices):
    """What an order id stands for."""

    ORDER = "order", "Order"
    DRIP_FEED = "drip-feed", "Drip-feed: charged whole, released in runs"
    SUBSCRIPTION = "subscription", "Subscription: each post becomes an order of its own"


class Status(models.TextChoices):
    """The public status, in the words of the protocol (§5): exactly these go out."""

    PENDING = "Pending"
    PROCESSING = "Processing"
    IN_PROGRESS = "In progress"
    COMPLETED = "Completed"
    PARTIAL = "Partial"
    CANCELED = "Canceled"
    # Of subscriptions only.
    ACTIVE = "Active"
    PAUSED = "Paused"
    EXPIRED = "Expired"


OPEN_STATUSES: Final = (Status.PENDING, Status.PROCESSING, Status.IN_PROGRESS)
"""An ordinary order or drip-feed in one of these is not finished."""


FINAL_STATUSES: Final = (Status.COMPLETED, Status.PARTIAL, Status.CANCELED)


class Dispatch(models.TextChoices):
    """Where an order stands on its way to whoever fulfils it."""

    QUEUED = "queued", "Waits to be handed over"
    HELD = "held", "Held, with a reason a person can read"
    HANDED = "handed", "Handed over: its fulfilments tell the rest"
    SCHEDULED = "scheduled", "Its time has not come, or it is a parent: its schedule makes orders of it"
    NEVER = "never", "Ended before it, or its rest, was handed over"


class Source(models.TextChoices):
    """The door an order came through."""

    API = "api", "API"
    WEB = "web", "Web"
    MASS = "mass", "Mass order"
    STAFF = "staff", "Staff"
    DRIP_FEED = "drip-feed", "Drip-feed"
    SUBSCRIPTION = "subscription", "Subscription"


class Order(models.Model):
    """What a customer bought, with everything that decided its price frozen on it.

    The row is also the queue entry: the worker claims orders whose `dispatch` is queued.
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=12, choices=OrderKind.choices, default=OrderKind.ORDER)
    source = models.CharField(max_length=12, choices=Source.choices)
    # No constraint in the database on these two: checking it locks, and thereby writes, the rows of customer
    # and service for every order, and a service that sells well would be a row that all processes write.
    # Neither is ever deleted; `purveyor audit` proves that both exist.
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, related_name="orders", db_index=False, db_constraint=False
    )
    service = models.ForeignKey(
        Service, on_delete=models.PROTECT, related_name="orders", db_index=False, db_constraint=False
    )
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children", db_index=False
    )
    part = models.PositiveIntegerField(
        null=True, blank=True, help_text="Number of the run, or of the post, within the parent."
    )

    link = models.TextField(blank=True)
    link_key = models.BigIntegerField(help_text="Hash of the normalised link, for the same-link check.")
    quantity = models.BigIntegerField(help_text="Ordered in all; of a drip-feed runs × quantity per run.")
    fields = models.JSONField(null=True, blank=True, help_text="The fields of the order's type.")

    unit_price = models.DecimalField(
        max_digits=RATE_DIGITS, decimal_places=RATE_PLACES, help_text="Per 1000; of a package, per order."
    )
    price_rule = models.CharField(max_length=60, help_text="The rule that gave the unit price.")
    service_version = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    charge = amount_field(help_text="As charged. A run of a drip-feed is paid by its parent's charge.")
    refunded = amount_field(default=0, help_text="Sum of its refunds less their corrections.")

    status = models.CharField(max_length=12, choices=Status.choices, default=Status.PENDING)
    dispatch = models.CharField(max_length=10, choices=Dispatch.choices, default=Dispatch.QUEUED)
    hold_reason = models.CharField(max_length=200, blank=True)
    waits_for = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,  # it would be checked at every insert, and orders are never deleted
        help_text="Of a held order: the one before it in the line of its link.",
    )
    start_count = models.BigIntegerField(null=True, blank=True)
    remains = models.BigIntegerField(help_text="Not delivered yet, between 0 and quantity.")

    idempotency_key = models.CharField(max_length=LONGEST_IDEMPOTENCY_KEY, null=True, blank=True)  # noqa: DJ001 (absent keys must not collide)
    idempotency_digest = models.BigIntegerField(
        null=True, blank=True, help_text="Hash of what was ordered under the key."
    )
    created_at = models.DateTimeField(db_default=Now())
    status_at = models.DateTimeField(db_default=Now(), help_text="When the status last changed.")

    class Meta:
        constraints = [
            models.CheckConstraint(name="charge_is_not_negative", condition=models.Q(charge__gte=0)),
            models.CheckConstraint(
                name="refunds_stay_within_the_charge",
                condition=models.Q(refunded__gte=0, refunded__lte=models.F("charge")),
            ),
            models.CheckConstraint(
                name="remains_stay_within_quantity",
                condition=models.Q(remains__gte=0, remains__lte=models.F("quantity")),
            ),
            models.UniqueConstraint(
                fields=["parent", "part"],
                name="a_parent_makes_each_part_once",
                condition=models.Q(parent__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["customer", "idempotency_key"],
                name="one_order_per_idempotency_key",
                condition=models.Q(idempotency_key__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "id"], name="orders_of_customer"),
            models.Index(
                # The link first: a line of orders for one link is of any customer.
                fields=["link_key", "customer"],
                name="open_orders_of_link",
                condition=models.Q(status__in=["Pending", "Processing", "In progress"]),
            ),
            models.Index(
                fields=["customer"],
                name="live_subscriptions",
                condition=models.Q(kind="subscription", status__in=["Active", "Paused"]),
            ),
            models.Index(fields=["id"], name="orders_to_dispatch", condition=models.Q(dispatch="queued")),
            models.Index(
                # What waits for a full provider is passed by its services.
                fields=["service", "id"],
                name="orders_to_dispatch_of_service",
                condition=models.Q(dispatch="queued"),
            ),
            models.Index(fields=["id"], name="orders_held", condition=models.Q(dispatch="held")),
            models.Index(
                # Orders of a service that were sold at one price can go, for their price, all or none.
                fields=["hold_reason", "service", "unit_price", "id"],
                name="orders_held_by_reason",
                condition=models.Q(dispatch="held"),
            ),
            models.Index(
                fields=["service", "status_at"],
                name="completed_orders_of_service",
                condition=models.Q(status="Completed", kind="order"),
            ),
            models.Index(
                fields=["id"],
                name="orders_in_line",
                condition=models.Q(dispatch="held", waits_for__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"Order {self.pk}"
