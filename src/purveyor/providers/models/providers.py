"""Upstream panels, what they sell, and which of it fulfils what we sell."""

from enum import StrEnum
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from purveyor.catalog.models import Service
from purveyor.money.models import Wallet, amount_field


class ProviderKind(models.TextChoices):
    """How orders reach a provider."""

    API = "api", "An upstream panel that speaks API v2"
    MANUAL = "manual", "A desk: people who deliver by hand take orders from its queue. It is never called"


class Method(StrEnum):
    """How the fields of a call travel (protocol §1.2)."""

    POST_FORM = "post_form"
    GET = "get"
    POST_JSON = "post_json"


class Provider(models.Model):
    """Who fulfils orders: an upstream panel that speaks API v2, or a desk."""

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(
        max_length=10,
        choices=ProviderKind.choices,
        default=ProviderKind.API,
        db_default=ProviderKind.API,
    )
    url = models.URLField(max_length=500, blank=True, help_text="Empty of a desk, as is its key.")
    key = models.CharField(
        max_length=500, blank=True, help_text="Sent to the provider; redacted everywhere else."
    )
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
    method = models.CharField(
        max_length=10,
        choices=[(method.value, method.value) for method in Method],
        default=Method.POST_FORM,
        db_default=Method.POST_FORM,
        help_text="How the fields of a call travel.",
    )
    field_names = models.JSONField(
        default=dict, blank=True, db_default={}, help_text="Its names of fields, by ours, where they differ."
    )
    action_names = models.JSONField(
        default=dict, blank=True, db_default={}, help_text="Its names of actions, by ours, where they differ."
    )
    extra_fields = models.JSONField(
        default=dict, blank=True, db_default={}, help_text="Sent with every call beside our fields."
    )
    user_agent = models.CharField(
        max_length=300,
        blank=True,
        default="",
        db_default="",
        help_text="Empty: that of the PHP example of most panels.",
    )
    timeout_seconds = models.PositiveSmallIntegerField(default=30, help_text="Of one call, in all.")
    services_timeout_seconds = models.PositiveSmallIntegerField(
        default=60, db_default=60, help_text="Of reading its catalogue."
    )
    calls_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="Of all workers together and of every kind; empty is no limit."
    )
    calls_spent_until = models.DateTimeField(
        db_default=Now(), help_text="The moment up to which the budget of all calls is spent."
    )
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
        db_default=1.0,
        help_text="How many times longer, or shorter, its orders wait for a question, as its budget reaches.",
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
    listed_at = models.DateTimeField(null=True, help_text="When its services were last read.")
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
                condition=models.Q(
                    parallel_calls__gte=1, timeout_seconds__gte=1, services_timeout_seconds__gte=1
                ),
            ),
            models.CheckConstraint(
                name="a_provider_can_be_asked",
                condition=models.Q(
                    status_calls_per_minute__gte=1, status_stretch__gt=0, calls_per_minute__gte=2
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ProviderService(models.Model):
    """A service of a provider, as last listed."""

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
    seen_at = models.DateTimeField(help_text="When its list last told something new of it.")
    missed_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when lists lack it, not for long enough for it to be gone."
    )
    gone_at = models.DateTimeField(null=True, blank=True, help_text="Since when it counts as listed no more.")
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
    weight = models.PositiveIntegerField(
        default=1, db_default=1, help_text="Its share of the orders where they are shared out by weight."
    )
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
