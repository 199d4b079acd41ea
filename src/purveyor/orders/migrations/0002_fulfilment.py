from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_fulfilment"),
        ("catalog", "0002_version"),
        ("orders", "0001_initial"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("kind", "order"), ("status", "Completed")),
                fields=["service", "status_at"],
                name="completed_orders_of_service",
            ),
        ),
    ]
