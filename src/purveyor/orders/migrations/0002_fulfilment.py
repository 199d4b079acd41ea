import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_fulfilment"),
        ("catalog", "0003_fulfilment"),
        ("orders", "0001_initial"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="order",
            name="open_orders_by_link",
        ),
        migrations.AddField(
            model_name="order",
            name="waits_for",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                help_text="Of a held order: the one before it in the line of its link.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="orders.order",
            ),
        ),
        migrations.AlterField(
            model_name="order",
            name="dispatch",
            field=models.CharField(
                choices=[
                    ("queued", "Waits to be handed over"),
                    ("held", "Held, with a reason a person can read"),
                    ("handed", "Handed over: its fulfilments tell the rest"),
                    ("scheduled", "A parent: its schedule makes orders of it"),
                    ("never", "Ended before it, or its rest, was handed over"),
                ],
                default="queued",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="orderevent",
            name="kind",
            field=models.CharField(
                choices=[
                    ("status", "Status changed"),
                    ("refund", "Money returned"),
                    ("correction", "Refund corrected"),
                    ("backward", "Status went backwards"),
                    ("unknown_status", "The provider used a word we do not know"),
                    ("held", "Held"),
                    ("refill", "Refill"),
                    ("cancel", "Cancel"),
                    ("elsewhere", "The rest goes to another provider"),
                    ("overlap", "A provider went on with what another was asked to deliver"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("status__in", ["Pending", "Processing", "In progress"])),
                fields=["link_key", "customer"],
                name="open_orders_by_link",
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("kind", "order"), ("status", "Completed")),
                fields=["service", "status_at"],
                name="completed_orders_of_service",
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("dispatch", "held"), ("waits_for__isnull", False)),
                fields=["id"],
                name="orders_in_line",
            ),
        ),
    ]
