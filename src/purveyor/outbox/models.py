"""Events, who reads them, and how far each reader is."""

from typing import ClassVar, Final

from django.db import models
from django.db.models.functions import Now

NUMBERING_ID: Final = 1
LONGEST_CONSUMER_NAME: Final = 60


class OutboxEvent(models.Model):
    """Something that has happened, written in the transaction that made it true.

    The id tells nothing about the order of commits: a transaction may take an id and commit much later. What
    readers go by is the position, which an event gets once it is committed (see numbering.py).
    """

    id = models.BigAutoField(primary_key=True)
    position = models.BigIntegerField(null=True, help_text="Where readers find it; empty until numbered.")
    kind = models.CharField(max_length=40)
    about = models.CharField(max_length=60, help_text="What it happened to, such as order:12.")
    customer_id = models.BigIntegerField(null=True, help_text="Whose it is; empty where it is the panel's.")
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["position"], name="events_have_one_position_each"),
            models.UniqueConstraint(
                fields=["kind", "about"],
                name="an_order_is_created_once",
                condition=models.Q(kind="order.created"),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["id"], name="events_to_number", condition=models.Q(position__isnull=True))
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.about}"


class Numbering(models.Model):
    """How many events have been numbered since the outbox began: one row, held by whoever numbers."""

    id = models.SmallIntegerField(primary_key=True)
    last = models.BigIntegerField(db_default=0, help_text="The highest position given away.")
    began_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="there_is_one_numbering", condition=models.Q(id=NUMBERING_ID))
        ]

    def __str__(self) -> str:
        return f"Numbered up to {self.last}"


class Consumer(models.Model):
    """Somebody who reads every event once, and how far they are."""

    name = models.CharField(max_length=LONGEST_CONSUMER_NAME, primary_key=True)
    position = models.BigIntegerField(db_default=0, help_text="Of the last event whose work is done.")
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.name} at {self.position}"


class Watch(models.Model):
    """How far the rows of a table have been announced that does not announce its own (see gaps.py)."""

    name = models.CharField(max_length=40, primary_key=True)
    seen = models.BigIntegerField(help_text="Every id up to this one is dealt with, except in the gaps.")
    gaps = models.JSONField(default=list, help_text="As [first, last, horizon] each.")

    def __str__(self) -> str:
        return f"{self.name} up to {self.seen}"
