"""Hand-overs of orders to providers, and what is known of them."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from purveyor.money.models import amount_field
from purveyor.orders.models import Order, Refill
from purveyor.providers.models.providers import Provider, Route


class Handover(models.TextChoices):
    """State of a fulfilment's hand-over."""

    SENDING = "sending", "Being sent: the attempt is written, the answer is not"
    ACCEPTED = "accepted", "Accepted by the provider"
    REFUSED = "refused", "Certainly not executed: refused, or never sent"
    UNKNOWN = "unknown", "No one can tell from the answer; a person or evidence settles it"


class Fulfilment(models.Model):
    """One hand-over of an order to one provider.

    An order has one, or several: when it was refused and went another way, when what one left undelivered was
    given to the next, and when a refill of it is delivered by another.
    """

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="fulfilments", db_index=False)
    number = models.PositiveIntegerField(help_text="Which hand-over of its order this is, from 1.")
    provider = models.ForeignKey(
        Provider, on_delete=models.PROTECT, related_name="fulfilments", db_index=False
    )
    route = models.ForeignKey(Route, null=True, on_delete=models.SET_NULL, db_index=False)
    decision = models.JSONField(
        null=True, help_text="Why this route, and why none of the others: see decisions.py."
    )
    link_key = models.BigIntegerField(
        null=True, help_text="Of the order's link, where its service sends a link's orders the same way."
    )
    service_external_id = models.CharField(max_length=64, help_text="The provider's service at hand-over.")
    handover = models.CharField(max_length=10, choices=Handover.choices, db_default=Handover.SENDING)
    refusal = models.CharField(
        max_length=20, blank=True, db_default="", help_text="Class of a definite refusal."
    )
    refusal_text = models.CharField(
        max_length=200, blank=True, db_default="", help_text="In the provider's words."
    )
    settled_by = models.CharField(
        max_length=200, blank=True, db_default="", help_text="Who settled an unknown outcome."
    )
    settled_at = models.DateTimeField(null=True, help_text="When that was.")
    quantity = models.BigIntegerField(help_text="As sent; `remains` of the provider refers to it.")
    wanted = models.BigIntegerField(
        null=True, help_text="Of its order's quantity, what it is to deliver; empty: all of it."
    )
    delivered = models.BigIntegerField(
        null=True, help_text="Of what is wanted of it, as last known; empty: nothing was told."
    )
    superseded = models.BooleanField(
        default=False,
        db_default=False,
        help_text="What it left was given to somebody else: it does not tell any more how the order is.",
    )
    refill = models.ForeignKey(
        Refill,
        null=True,
        on_delete=models.PROTECT,
        related_name="fulfilments",
        db_index=False,
        help_text="The refill that it delivers, at our cost; empty: the order itself.",
    )
    provider_rate = models.DecimalField(
        max_digits=24, decimal_places=8, help_text="At hand-over, its currency."
    )
    fx_rate = models.DecimalField(max_digits=18, decimal_places=8, help_text="Frozen at hand-over.")
    top_up_bonus_percent = models.DecimalField(
        max_digits=7, decimal_places=4, db_default=0, help_text="Frozen at hand-over."
    )
    fee_percent = models.DecimalField(
        max_digits=7, decimal_places=4, db_default=0, help_text="Frozen at hand-over."
    )
    expected_cost = amount_field(help_text="True cost in panel currency, at hand-over.")
    cost = amount_field(db_default=0, help_text="In panel currency, as booked so far.")
    cost_corrections = models.PositiveSmallIntegerField(
        db_default=0, help_text="How often the booked cost was corrected; numbers the transfers."
    )

    external_id = models.CharField(
        max_length=64, blank=True, db_default="", help_text="The provider's order id."
    )
    provider_status = models.CharField(
        max_length=60, blank=True, db_default="", help_text="The provider's last word, as sent."
    )
    provider_charge = models.DecimalField(max_digits=24, decimal_places=8, null=True)
    start_count = models.BigIntegerField(null=True)
    remains = models.BigIntegerField(null=True, help_text="As the provider last told it, unconverted.")
    child_external_ids = ArrayField(
        models.CharField(max_length=64),
        default=list,
        db_default=[],
        help_text="Of a subscription: the provider's orders that have become children of ours.",
    )

    next_poll_at = models.DateTimeField(null=True, help_text="Empty when it is not followed any more.")
    polls = models.PositiveIntegerField(db_default=0)
    poll_together = models.SmallIntegerField(
        db_default=100, help_text="The most ids that a list with it may hold; 1: it is asked about by itself."
    )
    balance_before = amount_field(
        null=True, help_text="Of an unknown outcome: our balance with the provider, last told before it."
    )
    balance_before_at = models.DateTimeField(null=True, help_text="When that was told.")
    next_look_at = models.DateTimeField(
        null=True, help_text="Of an unknown outcome: when evidence is looked for next."
    )
    repeated_until = models.DateTimeField(
        null=True,
        help_text="Of an unknown outcome: until when its request may be on its way once more.",
    )
    created_at = models.DateTimeField(db_default=Now())
    accepted_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True, help_text="When the provider first told of a beginning.")
    ended_at = models.DateTimeField(null=True, help_text="When the provider first told a final status.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "number"], name="hand_overs_are_numbered"),
            models.UniqueConstraint(
                fields=["order"],
                name="one_live_hand_over_per_order",
                condition=models.Q(handover__in=["sending", "unknown"]),
            ),
            models.UniqueConstraint(
                fields=["provider", "external_id"],
                name="a_provider_order_serves_one_order",
                condition=~models.Q(external_id=""),
            ),
            models.CheckConstraint(
                name="an_accepted_hand_over_has_an_id",
                condition=~models.Q(handover=Handover.ACCEPTED) | ~models.Q(external_id=""),
            ),
        ]
        indexes = [
            models.Index(
                fields=["refill"],
                name="fulfilments_of_refills",
                condition=models.Q(refill__isnull=False),
            ),
            models.Index(
                fields=["provider", "next_poll_at"],
                name="fulfilments_to_poll",
                condition=models.Q(next_poll_at__isnull=False),
            ),
            models.Index(
                fields=["link_key", "id"],
                name="fulfilments_by_link",
                condition=models.Q(link_key__isnull=False),
            ),
            # Few: what was not simply taken.
            models.Index(
                fields=["route", "created_at"],
                name="fulfilments_troubled_by_route",
                condition=models.Q(handover__in=["refused", "unknown"]) | ~models.Q(settled_by=""),
            ),
            models.Index(
                fields=["created_at"], name="fulfilments_unknown", condition=models.Q(handover="unknown")
            ),
            models.Index(
                fields=["next_look_at"], name="fulfilments_to_look_at", condition=models.Q(handover="unknown")
            ),
            models.Index(
                fields=["provider", "accepted_at"],
                name="accepted_fulfilments",
                condition=models.Q(accepted_at__isnull=False),
            ),
            models.Index(
                fields=["route", "ended_at"],
                name="ended_fulfilments_of_route",
                condition=models.Q(ended_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"Fulfilment {self.number} of order {self.order_id}"


class Outcome(models.TextChoices):
    """What an exchange with a provider ended in."""

    SENDING = "sending", "Not answered yet"
    ACCEPTED = "accepted", "Accepted"
    REFUSED = "refused", "Definitely refused"
    NOT_SENT = "not_sent", "Never left, or never executed"
    UNKNOWN = "unknown", "Unknown"


class Attempt(models.Model):
    """One sending of a fulfilment, written and committed before the request leaves."""

    id = models.BigAutoField(primary_key=True)
    fulfilment = models.ForeignKey(Fulfilment, on_delete=models.PROTECT, related_name="attempts")
    outcome = models.CharField(max_length=10, choices=Outcome.choices, db_default=Outcome.SENDING)
    lease_until = models.DateTimeField(
        help_text="After this moment an attempt without outcome belongs to a worker that died: unknown."
    )
    request = models.JSONField(null=True, help_text="Fields as sent, without the key; empty once forgotten.")
    http_status = models.PositiveSmallIntegerField(null=True)
    response = models.TextField(
        blank=True, db_default="", help_text="As received, trimmed, the key redacted."
    )
    created_at = models.DateTimeField(db_default=Now())
    answered_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["lease_until"], name="attempts_without_outcome", condition=models.Q(outcome="sending")
            ),
            models.Index(
                fields=["created_at"],
                name="attempts_to_forget",
                condition=models.Q(request__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} at {self.created_at:%Y-%m-%d %H:%M:%S}"


class EvidenceKind(models.TextChoices):
    """Where a piece of evidence about an unknown outcome comes from."""

    REPEAT = "repeat", "The same request again, under its idempotency key"
    PROBE = "probe", "What the provider tells of the ids that the order may have"
    BALANCE = "balance", "Our balance with the provider before and after; never conclusive"
    DUPLICATE = "duplicate", "Another order was refused as a duplicate of it; never conclusive"


class HandoverEvidence(models.Model):
    """What is known about a hand-over of unknown outcome: the latest of each kind, for people to judge by."""

    fulfilment = models.ForeignKey(
        Fulfilment, on_delete=models.PROTECT, related_name="evidence", db_index=False
    )
    kind = models.CharField(max_length=10, choices=EvidenceKind.choices)
    text = models.CharField(max_length=500)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["fulfilment", "kind"], name="one_evidence_of_a_kind")
        ]
        indexes: ClassVar = [models.Index(fields=["at"], name="evidence_to_forget")]

    def __str__(self) -> str:
        return f"{self.kind} of fulfilment {self.fulfilment_id}: {self.text}"
