from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Built beside the version that serves: neither placing nor following waits for them.
    atomic = False

    dependencies = [
        ("orders", "0002_fulfilment"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="order",
            index=models.Index(
                condition=models.Q(("status__in", ["Pending", "Processing", "In progress"])),
                fields=["link_key", "customer"],
                name="open_orders_of_link",
            ),
        ),
        AddIndexConcurrently(
            model_name="order",
            index=models.Index(
                condition=models.Q(("kind", "order"), ("status", "Completed")),
                fields=["service", "status_at"],
                name="completed_orders_of_service",
            ),
        ),
        AddIndexConcurrently(
            model_name="order",
            index=models.Index(
                condition=models.Q(("dispatch", "held"), ("waits_for__isnull", False)),
                fields=["id"],
                name="orders_in_line",
            ),
        ),
        AddIndexConcurrently(
            model_name="subscription",
            index=models.Index(
                condition=models.Q(("live", True)), fields=["order"], name="fed_subscriptions"
            ),
        ),
        AddIndexConcurrently(
            model_name="subscription",
            index=models.Index(
                condition=models.Q(("live", True)), fields=["username_key"], name="fed_subscriptions_by_name"
            ),
        ),
        AddIndexConcurrently(
            model_name="subscription",
            index=models.Index(
                condition=models.Q(("expiry__isnull", False), ("live", True)),
                fields=["expiry"],
                name="fed_subscriptions_to_expire",
            ),
        ),
        RemoveIndexConcurrently(
            model_name="order",
            name="open_orders_by_link",
        ),
    ]
