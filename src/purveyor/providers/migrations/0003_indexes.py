from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Built beside the version that serves: neither placing nor following waits for them.
    atomic = False

    dependencies = [
        ("providers", "0002_fulfilment"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="attempt",
            index=models.Index(
                condition=models.Q(("request__isnull", False)),
                fields=["created_at"],
                name="attempts_to_forget",
            ),
        ),
        AddIndexConcurrently(
            model_name="fulfilment",
            index=models.Index(
                condition=models.Q(("refill__isnull", False)),
                fields=["refill"],
                name="fulfilments_of_refills",
            ),
        ),
        AddIndexConcurrently(
            model_name="fulfilment",
            index=models.Index(
                condition=models.Q(("link_key__isnull", False)),
                fields=["link_key", "id"],
                name="fulfilments_by_link",
            ),
        ),
        AddIndexConcurrently(
            model_name="fulfilment",
            index=models.Index(
                condition=models.Q(
                    ("handover__in", ["refused", "unknown"]),
                    models.Q(("settled_by", ""), _negated=True),
                    _connector="OR",
                ),
                fields=["route", "created_at"],
                name="fulfilments_troubled_by_route",
            ),
        ),
        AddIndexConcurrently(
            model_name="fulfilment",
            index=models.Index(
                condition=models.Q(("accepted_at__isnull", False)),
                fields=["provider", "accepted_at"],
                name="accepted_fulfilments",
            ),
        ),
        AddIndexConcurrently(
            model_name="fulfilment",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", False)),
                fields=["route", "ended_at"],
                name="ended_fulfilments_of_route",
            ),
        ),
    ]
