import django.db.models.deletion
import django.db.models.functions.datetime
import purveyor.providers.dialect
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0003_fulfilment"),
        ("money", "0003_ledger"),
        ("orders", "0002_fulfilment"),
        ("providers", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="BalanceForecast",
            fields=[
                (
                    "provider",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="balance_forecast",
                        serialize=False,
                        to="providers.provider",
                    ),
                ),
                (
                    "low_hours",
                    models.DecimalField(
                        db_default=6,
                        decimal_places=2,
                        help_text="The balance is low when it lasts less; empty: never for that.",
                        max_digits=7,
                        null=True,
                    ),
                ),
                (
                    "low_amount",
                    models.DecimalField(
                        decimal_places=8,
                        help_text="The balance is low below it; empty: never for that.",
                        max_digits=24,
                        null=True,
                    ),
                ),
                (
                    "balance",
                    models.DecimalField(
                        decimal_places=8,
                        help_text="As last told, less what was spent since; empty: never told.",
                        max_digits=24,
                        null=True,
                    ),
                ),
                (
                    "per_hour",
                    models.DecimalField(
                        db_default=0,
                        decimal_places=8,
                        help_text="What is spent in an hour, by the last day.",
                        max_digits=24,
                    ),
                ),
                ("empty_at", models.DateTimeField(help_text="Empty: not within a year.", null=True)),
                (
                    "low_since",
                    models.DateTimeField(help_text="Empty when the balance is not low.", null=True),
                ),
                ("looked_at", models.DateTimeField(null=True)),
                ("next_look_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name="RouteTimes",
            fields=[
                (
                    "start_p50",
                    models.DurationField(help_text="Within it, work began on half of the orders.", null=True),
                ),
                ("start_p90", models.DurationField(help_text="The same of nine in ten.", null=True)),
                (
                    "finish_p50",
                    models.DurationField(help_text="Within it, half of the orders were complete.", null=True),
                ),
                ("finish_p90", models.DurationField(help_text="The same of nine in ten.", null=True)),
                (
                    "measured",
                    models.PositiveIntegerField(db_default=0, help_text="How many orders these are from."),
                ),
                (
                    "looked_at",
                    models.DateTimeField(
                        help_text="What ended before is in, if it is late enough.", null=True
                    ),
                ),
                (
                    "next_look_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        help_text="When to look for news.",
                    ),
                ),
                (
                    "route",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="times",
                        serialize=False,
                        to="providers.route",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ServiceTimes",
            fields=[
                (
                    "start_p50",
                    models.DurationField(help_text="Within it, work began on half of the orders.", null=True),
                ),
                ("start_p90", models.DurationField(help_text="The same of nine in ten.", null=True)),
                (
                    "finish_p50",
                    models.DurationField(help_text="Within it, half of the orders were complete.", null=True),
                ),
                ("finish_p90", models.DurationField(help_text="The same of nine in ten.", null=True)),
                (
                    "measured",
                    models.PositiveIntegerField(db_default=0, help_text="How many orders these are from."),
                ),
                (
                    "looked_at",
                    models.DateTimeField(
                        help_text="What ended before is in, if it is late enough.", null=True
                    ),
                ),
                (
                    "next_look_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        help_text="When to look for news.",
                    ),
                ),
                (
                    "service",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="measured_times",
                        serialize=False,
                        to="catalog.service",
                    ),
                ),
                (
                    "average",
                    models.DurationField(
                        help_text="Of the last 10 completed orders, scaled to 1000; of packages as it is.",
                        null=True,
                    ),
                ),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="provider",
            name="a_provider_takes_calls",
        ),
        migrations.RemoveConstraint(
            model_name="provider",
            name="a_provider_can_be_asked",
        ),
        migrations.AddField(
            model_name="fulfilment",
            name="delivered",
            field=models.BigIntegerField(
                help_text="Of what is wanted of it, as last known; empty: nothing was told.", null=True
            ),
        ),
        migrations.AddField(
            model_name="fulfilment",
            name="refill",
            field=models.ForeignKey(
                help_text="The refill that it delivers, at our cost; empty: the order itself.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="fulfilments",
                to="orders.refill",
            ),
        ),
        migrations.AddField(
            model_name="fulfilment",
            name="settled_at",
            field=models.DateTimeField(help_text="When that was.", null=True),
        ),
        migrations.AddField(
            model_name="fulfilment",
            name="started_at",
            field=models.DateTimeField(help_text="When the provider first told of a beginning.", null=True),
        ),
        migrations.AddField(
            model_name="fulfilment",
            name="superseded",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="What it left was given to somebody else: it does not tell any more how the order is.",
            ),
        ),
        migrations.AddField(
            model_name="fulfilment",
            name="wanted",
            field=models.BigIntegerField(
                help_text="Of its order's quantity, what it is to deliver; empty: all of it.", null=True
            ),
        ),
        migrations.AddField(
            model_name="provider",
            name="action_names",
            field=models.JSONField(
                db_default={}, default=dict, help_text="Its names of actions, by ours, where they differ."
            ),
        ),
        migrations.AddField(
            model_name="provider",
            name="calls_per_minute",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Of all workers together and of every kind; empty is no limit.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="provider",
            name="calls_spent_until",
            field=models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(),
                help_text="The moment up to which the budget of all calls is spent.",
            ),
        ),
        migrations.AddField(
            model_name="provider",
            name="extra_fields",
            field=models.JSONField(
                db_default={}, default=dict, help_text="Sent with every call beside our fields."
            ),
        ),
        migrations.AddField(
            model_name="provider",
            name="field_names",
            field=models.JSONField(
                db_default={}, default=dict, help_text="Its names of fields, by ours, where they differ."
            ),
        ),
        migrations.AddField(
            model_name="provider",
            name="method",
            field=models.CharField(
                choices=[("post_form", "post_form"), ("get", "get"), ("post_json", "post_json")],
                db_default=purveyor.providers.dialect.Method["POST_FORM"],
                default=purveyor.providers.dialect.Method["POST_FORM"],
                help_text="How the fields of a call travel.",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="provider",
            name="services_timeout_seconds",
            field=models.PositiveSmallIntegerField(
                db_default=60, default=60, help_text="Of reading its catalogue."
            ),
        ),
        migrations.AddField(
            model_name="provider",
            name="user_agent",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="Empty: that of the PHP example of most panels.",
                max_length=300,
            ),
        ),
        migrations.AlterField(
            model_name="provider",
            name="status_stretch",
            field=models.FloatField(
                db_default=1.0,
                help_text="How many times longer, or shorter, its orders wait for a question, as its budget reaches.",
            ),
        ),
        migrations.AddIndex(
            model_name="fulfilment",
            index=models.Index(
                condition=models.Q(("accepted_at__isnull", False)),
                fields=["provider", "accepted_at"],
                name="accepted_fulfilments",
            ),
        ),
        migrations.AddIndex(
            model_name="fulfilment",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", False)),
                fields=["route", "ended_at"],
                name="ended_fulfilments_of_route",
            ),
        ),
        migrations.AddConstraint(
            model_name="provider",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("parallel_calls__gte", 1),
                    ("services_timeout_seconds__gte", 1),
                    ("timeout_seconds__gte", 1),
                ),
                name="a_provider_takes_calls",
            ),
        ),
        migrations.AddConstraint(
            model_name="provider",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("calls_per_minute__gte", 1),
                    ("status_calls_per_minute__gte", 1),
                    ("status_stretch__gt", 0),
                ),
                name="a_provider_can_be_asked",
            ),
        ),
        migrations.AddIndex(
            model_name="balanceforecast",
            index=models.Index(fields=["next_look_at"], name="balance_forecasts_due"),
        ),
        migrations.AddIndex(
            model_name="routetimes",
            index=models.Index(fields=["next_look_at"], name="route_times_due"),
        ),
        migrations.AddIndex(
            model_name="servicetimes",
            index=models.Index(fields=["next_look_at"], name="service_times_due"),
        ),
    ]
