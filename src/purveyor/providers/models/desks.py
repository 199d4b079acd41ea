"""The queue of those who deliver by hand."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from purveyor.catalog.models import Service
from purveyor.orders.models import Refill
from purveyor.providers.models.fulfilments import Fulfilment
from purveyor.providers.models.providers import Provider


class JobKind(models.TextChoices):
    """What is to be done."""

    ORDER = "order", "Deliver an order"
    REFILL = "refill", "Top a delivered order up again"


class JobState(models.TextChoices):
    """Where a job stands. One whose lease is over is free again, though its state is still `taken`."""

    NEW = "new", "Nobody has taken it"
    TAKEN = "taken", "Somebody works on it"
    ENDED = "ended", "Its outcome tells how"


class JobOutcome(models.TextChoices):
    """How a job ended."""

    COMPLETED = "completed", "Done"
    PARTIAL = "partial", "Done in part: the rest is refunded"
    CANCELED = "canceled", "Not done: refunded"
    REJECTED = "rejected", "A refill that is not done"


class DeskJob(models.Model):
    """Something to do by hand, on the desk of a manual provider."""

    id = models.BigAutoField(primary_key=True)
    desk = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="jobs", db_index=False)
    kind = models.CharField(max_length=10, choices=JobKind.choices)
    fulfilment = models.ForeignKey(
        Fulfilment,
        on_delete=models.PROTECT,
        related_name="desk_jobs",
        help_text="What is delivered; of a refill, what is topped up.",
    )
    refill = models.OneToOneField(Refill, null=True, on_delete=models.PROTECT, related_name="desk_job")
    # As on the order: no constraint, or every job would write the row of a service that sells well.
    service = models.ForeignKey(
        Service, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    state = models.CharField(max_length=10, choices=JobState.choices, db_default=JobState.NEW)
    worker = models.CharField(
        max_length=100, blank=True, db_default="", help_text="Who took it last, as they call themselves."
    )
    lease_seconds = models.PositiveIntegerField(
        null=True, help_text="How long after each sign of life it is theirs; empty is without end."
    )
    leased_until = models.DateTimeField(null=True)
    request_id = models.CharField(
        max_length=100, blank=True, db_default="", help_text="Of the request that took it, if it named one."
    )
    outcome = models.CharField(max_length=10, choices=JobOutcome.choices, blank=True, db_default="")
    reason = models.CharField(
        max_length=200, blank=True, db_default="", help_text="Why it was not done, for the customer to read."
    )
    ended_by = models.CharField(max_length=200, blank=True, db_default="")
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["fulfilment"], name="one_job_per_hand_over", condition=models.Q(kind="order")
            ),
            models.CheckConstraint(
                name="a_refill_job_has_its_refill",
                condition=models.Q(kind="refill", refill__isnull=False)
                | models.Q(kind="order", refill__isnull=True),
            ),
            models.CheckConstraint(
                name="an_ended_job_has_an_outcome",
                condition=(models.Q(state="ended") & ~models.Q(outcome=""))
                | (~models.Q(state="ended") & models.Q(outcome="")),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["desk", "id"], name="jobs_of_desk"),
            models.Index(fields=["desk", "id"], name="jobs_open", condition=~models.Q(state="ended")),
            models.Index(fields=["desk", "id"], name="jobs_new", condition=models.Q(state="new")),
            models.Index(
                fields=["desk", "leased_until"], name="jobs_leased", condition=models.Q(state="taken")
            ),
            models.Index(
                fields=["desk", "request_id"], name="jobs_by_request", condition=~models.Q(request_id="")
            ),
        ]

    def __str__(self) -> str:
        return f"Job {self.pk} of desk {self.desk_id}"
