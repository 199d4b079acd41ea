from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Built beside the version that serves: neither placing nor following waits for them.
    atomic = False

    dependencies = [
        ("orders", "0003_indexes"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="order",
            index=models.Index(
                condition=models.Q(("dispatch", "queued")),
                fields=["service", "id"],
                name="orders_to_dispatch_of_service",
            ),
        ),
        AddIndexConcurrently(
            model_name="order",
            index=models.Index(
                condition=models.Q(("dispatch", "held")),
                fields=["hold_reason", "service", "unit_price", "id"],
                name="orders_held_by_reason",
            ),
        ),
    ]
