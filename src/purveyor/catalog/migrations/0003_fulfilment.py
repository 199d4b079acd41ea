import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0002_version"),
    ]

    operations = [
        migrations.CreateModel(
            name="ServiceUpdate",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("new", "New"),
                            ("increased", "Increased"),
                            ("decreased", "Decreased"),
                            ("enabled", "Enabled"),
                            ("disabled", "Disabled"),
                        ],
                        max_length=9,
                    ),
                ),
                ("old_rate", models.DecimalField(decimal_places=5, max_digits=18, null=True)),
                ("new_rate", models.DecimalField(decimal_places=5, max_digits=18)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.AddField(
            model_name="service",
            name="finish_rest",
            field=models.CharField(
                choices=[
                    ("never", "Never: the order ends Partial"),
                    ("rule", "Always, where another route takes it: one order, one charge"),
                    ("ask", "Where it is asked for, after the order ended Partial"),
                ],
                db_default="never",
                default="never",
                max_length=5,
            ),
        ),
        migrations.AddField(
            model_name="service",
            name="posts_service",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                help_text="Of a subscription service that post events feed: the Default service whose routes deliver the posts. Empty: its subscriptions are handed over to a provider.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="catalog.service",
            ),
        ),
        migrations.AddField(
            model_name="service",
            name="queue_same_link",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Whether a second order for a link waits for the first to end, instead of being refused.",
            ),
        ),
        migrations.AddField(
            model_name="service",
            name="refill_by",
            field=models.CharField(
                choices=[
                    ("provider", "The provider that delivered the order"),
                    ("elsewhere", "That provider, and where it refuses another one, at our cost"),
                    ("hand", "Staff: nothing is told to a provider"),
                ],
                db_default="provider",
                default="provider",
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="service",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("posts_service__isnull", True), ("type", "Subscriptions"), _connector="OR"
                ),
                name="only_subscriptions_are_fed",
            ),
        ),
        migrations.AddField(
            model_name="serviceupdate",
            name="service",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="updates",
                to="catalog.service",
            ),
        ),
        migrations.AddIndex(
            model_name="serviceupdate",
            index=models.Index(fields=["kind", "id"], name="updates_of_kind"),
        ),
        migrations.AddIndex(
            model_name="serviceupdate",
            index=models.Index(fields=["service", "id"], name="updates_of_service"),
        ),
    ]
