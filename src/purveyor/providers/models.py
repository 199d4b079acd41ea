"""Upstream panels, what they sell, and what was handed over to them."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from purveyor.catalog.models import Service
from purveyor.money.models import Wallet, amount_field
from purveyor.orders.models import CancelRequest, Order, Refill


class Provider(models.Model):
    """An upstream panel that speaks API v2."""

    name = models.CharField(max_length=100, unique=True)
    url = models.URLField(max_length=500)
    key = models.CharField(max_length=500, help_text="Sent to the provider; redacted everywhere else.")
    wallet = models.OneToOneField(Wallet, on_delete=models.PROTECT)
    currency = models.CharField(max_length=3, default="USD")
    fx_rate = models.DecimalField(
        max_digits=18, decimal_places=8, default=1, help_text="Panel currency per unit of the provider's."
    )
    top_up_bonus_percent = models.DecimalField(
        max_digits=7, decimal_places=4, default=0, help_text="What it adds to each payment of ours."
    )
    fee_percent = models.DecimalField(
        max_digits=7, decimal_places=4, default=0, help_text="What we pay on top of each payment to it."
    )
    enabled = models.BooleanField(
        default=True, help_text="Whether orders are sent to it; open ones are followed in any case."
    )
    refused_key = models.CharField(
        max_length=500,
        blank=True,
        db_default="",
        help_text="The key it refused: while that is its key, it is not called at all.",
    )
    paused_reason = models.CharField(
        max_length=200, blank=True, help_text="Why nothing is sent for now, such as 'out of funds'."
    )
    paused_until = models.DateTimeField(null=True, blank=True)
    silent_until = models.DateTimeField(
        null=True, blank=True, help_text="No call of any kind before: it is unreachable, or asked us to wait."
    )
    troubles = models.PositiveIntegerField(
        default=0, help_text="Calls in a row without a usable answer; the next ones go out one by one."
    )
    timeout_seconds = models.PositiveSmallIntegerField(default=30, help_text="Of one call, in all.")
    parallel_calls = models.PositiveSmallIntegerField(
        default=32, help_text="Orders that one worker sends it at a time."
    )
    status_calls_per_minute = models.PositiveIntegerField(
        null=True,
        blank=True,
        default=60,
        help_text="Of all workers together, each about up to 100 orders; empty is no limit.",
    )
    status_spent_until = models.DateTimeField(
        db_default=Now(), help_text="The moment up to which the budget of status calls is spent."
    )
    status_stretch = models.FloatField(
        db_default=1.0, help_text="How many times longer its orders wait for a question, for want of budget."
    )
    allow_private_address = models.BooleanField(
        default=False, help_text="Whether its address may lie in a private range or on this machine."
    )
    takes_idempotency_key = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Whether it is a Purveyor too: the same key again gives the same order again.",
    )
    balance = amount_field(null=True, blank=True, help_text="As the provider last told it, in its currency.")
    balance_at = models.DateTimeField(null=True, blank=True)
    next_sync_at = models.DateTimeField(
        db_default=Now(), help_text="When its services and balance are read next."
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(name="fx_rate_is_positive", condition=models.Q(fx_rate__gt=0)),
            models.CheckConstraint(
                name="bonus_and_fee_are_not_negative",
                condition=models.Q(top_up_bonus_percent__gte=0, fee_percent__gte=0),
            ),
            models.CheckConstraint(
                name="a_provider_takes_calls",
                condition=models.Q(parallel_calls__gte=1, timeout_seconds__gte=1),
            ),
            models.CheckConstraint(
                name="a_provider_can_be_asked",
                condition=models.Q(status_calls_per_minute__gte=1, status_stretch__gte=1),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ProviderService(models.Model):
    """A service of a provider, as last imported."""

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="services")
    external_id = models.CharField(max_length=64, help_text="The provider's id of it; ids are text outside.")
    name = models.TextField()
    type = models.CharField(max_length=60)
    category = models.TextField(blank=True)
    rate = models.DecimalField(max_digits=24, decimal_places=8, help_text="In the provider's currency.")
    min = models.BigIntegerField(null=True)
    max = models.BigIntegerField(null=True)
    refill = models.BooleanField(default=False)
    cancel = models.BooleanField(default=False)
    dripfeed = models.BooleanField(default=False)
    description = models.TextField(blank=True)
    seen_at = models.DateTimeField(help_text="When an import last listed it.")
    gone_at = models.DateTimeField(null=True, blank=True, help_text="Since when imports lack it.")
    price_in_doubt = models.BooleanField(
        default=False, help_text="An order was charged more, at a loss: no more go before an import."
    )
    price_doubted_at = models.DateTimeField(null=True, blank=True, help_text="When that was last found.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "external_id"], name="one_row_per_provider_service")
        ]

    def __str__(self) -> str:
        return f"{self.provider_id}:{self.external_id} {self.name}"


class Route(models.Model):
    """A provider's service that can fulfil one of ours; a service has any number, tried by position."""

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="routes")
    provider_service = models.ForeignKey(ProviderService, on_delete=models.CASCADE, related_name="routes")
    position = models.PositiveSmallIntegerField(default=0)
    enabled = models.BooleanField(default=True)
    closed_reason = models.CharField(max_length=200, blank=True, help_text="Why it closed by itself.")
    margin_floor_percent = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        default=0,
        db_default=0,
        help_text="Of an order's charge, what must be left after its cost. Empty: any loss is accepted.",
    )

    class Meta:
        ordering: ClassVar = ["position", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["service", "provider_service"], name="one_route_per_pair"),
            models.CheckConstraint(
                name="a_margin_floor_is_a_share",
                condition=models.Q(margin_floor_percent__isnull=True)
                | models.Q(margin_floor_percent__gte=0, margin_floor_percent__lte=100),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.service_id} by {self.provider_service_id}"


class Handover(models.TextChoices):
    """State of a fulfilment's hand-over."""

    SENDING = "sending", "Being sent: the attempt is written, the answer is not"
    ACCEPTED = "accepted", "Accepted by the provider"
    REFUSED = "refused", "Certainly not executed: refused, or never sent"
    UNKNOWN = "unknown", "No one can tell from the answer; a person or evidence settles it"


class Fulfilment(models.Model):
    """One hand-over of an order to one provider. An order has one, or several when it is rerouted."""

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="fulfilments", db_index=False)
    number = models.PositiveIntegerField(help_text="Which hand-over of its order this is, from 1.")
    provider = models.ForeignKey(
        Provider, on_delete=models.PROTECT, related_name="fulfilments", db_index=False
    )
    route = models.ForeignKey(Route, null=True, on_delete=models.SET_NULL, db_index=False)
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
    quantity = models.BigIntegerField(help_text="As sent; `remains` of the provider refers to it.")
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
    poll_alone = models.BooleanField(
        db_default=False, help_text="Lists of ids do not bring its status: it is asked about by itself."
    )
    next_look_at = models.DateTimeField(
        null=True, help_text="Of an unknown outcome: when evidence is looked for next."
    )
    created_at = models.DateTimeField(db_default=Now())
    accepted_at = models.DateTimeField(null=True)
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
                fields=["provider", "next_poll_at"],
                name="fulfilments_to_poll",
                condition=models.Q(next_poll_at__isnull=False),
            ),
            models.Index(
                fields=["created_at"], name="fulfilments_unknown", condition=models.Q(handover="unknown")
            ),
            models.Index(
                fields=["next_look_at"], name="fulfilments_to_look_at", condition=models.Q(handover="unknown")
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
    request = models.JSONField(help_text="Fields as sent, without the key.")
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
            )
        ]

    def __str__(self) -> str:
        return f"{self.outcome} at {self.created_at:%Y-%m-%d %H:%M:%S}"


class EvidenceKind(models.TextChoices):
    """Where a piece of evidence about an unknown outcome comes from."""

    REPEAT = "repeat", "The same request again, under its idempotency key"
    PROBE = "probe", "What the provider tells of the ids that the order may have"


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

    def __str__(self) -> str:
        return f"{self.kind} of fulfilment {self.fulfilment_id}: {self.text}"


class ForwardState(models.TextChoices):
    """Where a forwarded request (refill, cancel) stands with the provider."""

    WAITING = "waiting", "To be sent"
    SENDING = "sending", "Being sent"
    ACCEPTED = "accepted", "Taken by the provider"
    REFUSED = "refused", "Refused by the provider"
    UNKNOWN = "unknown", "No one can tell from the answer"


class RefillTask(models.Model):
    """A customer's refill, forwarded to the provider that fulfilled the order."""

    refill = models.OneToOneField(Refill, on_delete=models.PROTECT, primary_key=True, related_name="task")
    fulfilment = models.ForeignKey(Fulfilment, on_delete=models.PROTECT, related_name="refill_tasks")
    state = models.CharField(max_length=10, choices=ForwardState.choices, db_default=ForwardState.WAITING)
    external_id = models.CharField(max_length=64, blank=True, db_default="")
    tries = models.PositiveIntegerField(db_default=0, help_text="How often it was sent, or asked about.")
    response = models.TextField(blank=True, db_default="")
    next_at = models.DateTimeField(null=True, db_default=Now(), help_text="When to send or poll next.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["next_at"], name="refill_tasks_due", condition=models.Q(next_at__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"Task of refill {self.refill_id}"


class CancelTask(models.Model):
    """A wish to cancel, forwarded to the provider. Confirmation comes by the order's status."""

    id = models.BigAutoField(primary_key=True)
    cancel_request = models.OneToOneField(
        CancelRequest,
        null=True,
        on_delete=models.PROTECT,
        related_name="task",
        help_text="The customer's request; empty when the wish is the panel's own.",
    )
    fulfilment = models.OneToOneField(Fulfilment, on_delete=models.PROTECT, related_name="cancel_task")
    state = models.CharField(max_length=10, choices=ForwardState.choices, db_default=ForwardState.WAITING)
    tries = models.PositiveIntegerField(db_default=0)
    response = models.TextField(db_default="")
    next_at = models.DateTimeField(null=True, db_default=Now(), help_text="When to send next.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["next_at"], name="cancel_tasks_due", condition=models.Q(next_at__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"Cancel {self.fulfilment_id} at its provider"
