"""What the panel sells."""

from typing import ClassVar, Final

from django.db import models
from django.db.models.functions import Now

from purveyor.accounts.models import Customer
from purveyor.catalog.order_types import OrderType

RATE_DIGITS: Final = 18
RATE_PLACES: Final = 5
"""With at most 5 decimals, rate × quantity ÷ 1000 is exact at the ledger's 8."""

LARGEST_QUANTITY: Final = 2**31 - 1


class FinishRest(models.TextChoices):
    """Whether another provider delivers what the first one left of an order."""

    NEVER = "never", "Never: the order ends Partial"
    RULE = "rule", "Always, where another route takes it: one order, one charge"
    ASK = "ask", "Where it is asked for, after the order ended Partial"


class RefillBy(models.TextChoices):
    """Who delivers a refill."""

    PROVIDER = "provider", "The provider that delivered the order"
    ELSEWHERE = "elsewhere", "That provider, and where it refuses another one, at our cost"
    HAND = "hand", "Staff: nothing is told to a provider"


class Category(models.Model):
    """A heading of the catalogue."""

    name = models.CharField(max_length=255)
    position = models.IntegerField(default=0)
    enabled = models.BooleanField(default=True)

    class Meta:
        verbose_name_plural = "categories"
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.name


class Service(models.Model):
    """One thing a customer can order."""

    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="services")
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    type = models.CharField(
        max_length=30, choices=[(kind.value, kind.value) for kind in OrderType], default=OrderType.DEFAULT
    )
    rate = models.DecimalField(
        max_digits=RATE_DIGITS,
        decimal_places=RATE_PLACES,
        help_text="Price per 1000; of a package type, price per order.",
    )
    min = models.BigIntegerField(default=1)
    max = models.BigIntegerField(default=1)
    refill = models.BooleanField(default=False)
    refill_days = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text="Days after completion in which a refill can be asked for; empty: always.",
    )
    refill_by = models.CharField(
        max_length=10, choices=RefillBy.choices, default=RefillBy.PROVIDER, db_default=RefillBy.PROVIDER
    )
    finish_rest = models.CharField(
        max_length=5, choices=FinishRest.choices, default=FinishRest.NEVER, db_default=FinishRest.NEVER
    )
    cancel = models.BooleanField(default=False)
    dripfeed = models.BooleanField(default=False)
    queue_same_link = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Whether a second order for a link waits for the first to end, instead of being refused.",
    )
    posts_service = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="Of a subscription service that post events feed: the Default service whose routes deliver "
        "the posts. Empty: its subscriptions are handed over to a provider.",
    )
    enabled = models.BooleanField(default=True)
    position = models.IntegerField(default=0)
    version = models.PositiveIntegerField(default=1, help_text="Grows with every edit; frozen on each order.")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["category__position", "category_id", "position", "id"]
        constraints = [
            models.CheckConstraint(
                name="type_is_one_of_the_protocols",
                condition=models.Q(type__in=[kind.value for kind in OrderType]),
            ),
            models.CheckConstraint(name="rate_is_not_negative", condition=models.Q(rate__gte=0)),
            models.CheckConstraint(
                name="min_is_between_1_and_max",
                condition=models.Q(min__gte=1, min__lte=models.F("max"), max__lte=LARGEST_QUANTITY),
            ),
            models.CheckConstraint(
                name="only_subscriptions_are_fed",
                condition=models.Q(posts_service__isnull=True) | models.Q(type=OrderType.SUBSCRIPTIONS.value),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.name}"


class OwnRate(models.Model):
    """The price of one service agreed with one customer; it goes before every discount."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="own_rates")
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="own_rates")
    rate = models.DecimalField(max_digits=RATE_DIGITS, decimal_places=RATE_PLACES)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["customer", "service"], name="one_own_rate_per_service"),
            models.CheckConstraint(name="own_rate_is_not_negative", condition=models.Q(rate__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.customer_id}: {self.service_id} at {self.rate}"


class CatalogVersion(models.Model):
    """One row whose number grows with every edit of anything a snapshot of the catalogue holds."""

    version = models.BigIntegerField(default=1)

    def __str__(self) -> str:
        return str(self.version)


class UpdateKind(models.TextChoices):
    """What a line of the customers' updates tells."""

    NEW = "new", "New"
    INCREASED = "increased", "Increased"
    DECREASED = "decreased", "Decreased"
    ENABLED = "enabled", "Enabled"
    DISABLED = "disabled", "Disabled"


class ServiceUpdate(models.Model):
    """A line of the customers' updates: a change of the public price list."""

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="updates", db_index=False)
    kind = models.CharField(max_length=9, choices=UpdateKind.choices)
    old_rate = models.DecimalField(max_digits=RATE_DIGITS, decimal_places=RATE_PLACES, null=True)
    new_rate = models.DecimalField(max_digits=RATE_DIGITS, decimal_places=RATE_PLACES)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["kind", "id"], name="updates_of_kind"),
            models.Index(fields=["service", "id"], name="updates_of_service"),
        ]

    def __str__(self) -> str:
        return f"{self.service_id}: {self.kind}"
