"""What providers changed in their lists, what that did to services of ours, and who decided it."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from purveyor.catalog.models import RATE_DIGITS, RATE_PLACES, Service
from purveyor.providers.models.providers import Provider, ProviderService


class Rounding(models.TextChoices):
    """To which side a price is brought to a multiple of its step."""

    UP = "up", "Up"
    NEAREST = "nearest", "To the nearest"
    DOWN = "down", "Down"


class ChangeKind(models.TextChoices):
    """How a service differs from what was listed before, in the order in which changes take effect."""

    NEW = "new", "Listed for the first time"
    BACK = "back", "Listed again"
    DEARER = "dearer", "Dearer"
    CHEAPER = "cheaper", "Cheaper"
    MIN = "min", "Smallest quantity"
    MAX = "max", "Largest quantity"
    REFILL = "refill", "Refill"
    CANCEL = "cancel", "Cancel"
    DRIPFEED = "dripfeed", "Drip-feed"
    RENAMED = "renamed", "Name"
    DESCRIPTION = "description", "Description"
    CATEGORY = "category", "Category"
    GONE = "gone", "Listed no more"
    TYPE = "type", "Order type"


class ChangeState(models.TextChoices):
    """What became of a change."""

    NOTED = "noted", "Nothing of ours follows from it"
    WAITING = "waiting", "Waits for a person"
    APPLIED = "applied", "Our services follow it"
    IGNORED = "ignored", "Our services stay"
    ROLLED_BACK = "rolled_back", "Our services are as before it"
    OVERTAKEN = "overtaken", "A later change came before a decision"


class Verdict(models.TextChoices):
    """What is done with a change."""

    APPLY = "apply", "Applied"
    WAIT = "wait", "Left to a person"
    RETRACE = "retrace", "Applied where it only takes back a rise of late, else left to a person"
    IGNORE = "ignore", "Ignored"
    ROLL_BACK = "roll_back", "Rolled back"


class ImportedService(models.Model):
    """Where a service of ours was imported from, and the rule that makes its price of the provider's."""

    service = models.OneToOneField(
        Service, on_delete=models.CASCADE, primary_key=True, related_name="imported"
    )
    provider_service = models.ForeignKey(ProviderService, on_delete=models.CASCADE, related_name="imported")
    markup_percent = models.DecimalField(max_digits=9, decimal_places=4, help_text="Of the true cost.")
    fixed = models.DecimalField(
        max_digits=RATE_DIGITS,
        decimal_places=RATE_PLACES,
        default=0,
        help_text="Added to the marked-up cost, in panel currency per 1000; of a package, per order.",
    )
    step = models.DecimalField(
        max_digits=RATE_DIGITS, decimal_places=RATE_PLACES, help_text="The rate is a multiple of it."
    )
    rounding = models.CharField(max_length=7, choices=Rounding.choices, default=Rounding.UP)
    below_cost = models.BooleanField(default=False, help_text="Whether the rate may be less than the cost.")
    rate = models.DecimalField(
        max_digits=RATE_DIGITS,
        decimal_places=RATE_PLACES,
        help_text="What import or sync last made of its price; another rate is a person's.",
    )

    def __str__(self) -> str:
        return f"{self.service_id} of {self.provider_service_id}"


class ChangeRule(models.Model):
    """What is done by itself with changes of a kind: of one provider, or of all that have no own rule."""

    provider = models.ForeignKey(
        Provider, null=True, on_delete=models.CASCADE, related_name="change_rules", help_text="Empty: of all."
    )
    kind = models.CharField(max_length=11, choices=ChangeKind.choices)
    verdict = models.CharField(max_length=9, choices=Verdict.choices)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["provider", "kind"], name="one_rule_per_kind", nulls_distinct=False
            ),
            models.CheckConstraint(
                name="a_rule_does_not_roll_back", condition=~models.Q(verdict=Verdict.ROLL_BACK)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.verdict}"


class ChangeSet(models.Model):
    """What one look at a provider's list found changed, or another of our terms with it."""

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="change_sets")
    shrunk = models.BooleanField(
        default=False, help_text="More than half of the list was lost: all of it waits for a person."
    )
    terms = models.JSONField(
        null=True,
        help_text="Where our terms changed and not the list: those that did, each before and after, as text.",
    )
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"Change set {self.pk} of {self.provider_id}"


class ChangeDecision(models.Model):
    """Who did what with some changes of a set, and why."""

    change_set = models.ForeignKey(ChangeSet, on_delete=models.CASCADE, related_name="decisions")
    verdict = models.CharField(max_length=9, choices=Verdict.choices)
    actor = models.CharField(max_length=150)
    reason = models.CharField(max_length=200, blank=True)
    changes = models.PositiveIntegerField(help_text="How many.")
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.verdict} of {self.changes} by {self.actor}"


class Change(models.Model):
    """One difference between what a provider lists and what it listed before."""

    change_set = models.ForeignKey(ChangeSet, on_delete=models.CASCADE, related_name="changes")
    provider_service = models.ForeignKey(
        ProviderService, on_delete=models.CASCADE, related_name="changes", db_index=False
    )
    kind = models.CharField(max_length=11, choices=ChangeKind.choices)
    aspect = models.CharField(
        max_length=11, help_text="What it is about: a later change of the same aspect overtakes this one."
    )
    before = models.JSONField(help_text="As listed before, by field; decimals are text.")
    after = models.JSONField(help_text="As listed now.")
    state = models.CharField(max_length=11, choices=ChangeState.choices)
    decision = models.ForeignKey(
        ChangeDecision, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["provider_service", "aspect", "id"], name="changes_of_aspect"),
            models.Index(
                fields=["provider_service", "aspect"],
                condition=models.Q(state=ChangeState.WAITING),
                name="waiting_changes",
            ),
            models.Index(
                fields=["id"], condition=models.Q(state=ChangeState.NOTED), name="changes_to_forget"
            ),
            models.Index(
                fields=["change_set"], condition=~models.Q(state=ChangeState.NOTED), name="felt_changes"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.provider_service_id}"


class ServiceEdit(models.Model):
    """One field of a service of ours that a change gave another value."""

    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="edits")
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="edits", db_index=False)
    field = models.CharField(max_length=20)
    before = models.JSONField(help_text="Decimals are text.")
    after = models.JSONField()
    over_hand = models.BooleanField(default=False, help_text="Whether the value before was a person's.")
    at = models.DateTimeField(db_default=Now())
    undone_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["service", "field", "id"], name="edits_of_field")]

    def __str__(self) -> str:
        return f"{self.field} of service {self.service_id}"
