import django.db.models.deletion
import django.db.models.functions.datetime
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
            name="Change",
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
                            ("new", "Listed for the first time"),
                            ("back", "Listed again"),
                            ("dearer", "Dearer"),
                            ("cheaper", "Cheaper"),
                            ("min", "Smallest quantity"),
                            ("max", "Largest quantity"),
                            ("refill", "Refill"),
                            ("cancel", "Cancel"),
                            ("dripfeed", "Drip-feed"),
                            ("renamed", "Name"),
                            ("description", "Description"),
                            ("category", "Category"),
                            ("gone", "Listed no more"),
                            ("type", "Order type"),
                        ],
                        max_length=11,
                    ),
                ),
                (
                    "aspect",
                    models.CharField(
                        help_text="What it is about: a later change of the same aspect overtakes this one.",
                        max_length=11,
                    ),
                ),
                ("before", models.JSONField(help_text="As listed before, by field; decimals are text.")),
                ("after", models.JSONField(help_text="As listed now.")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("noted", "Nothing of ours follows from it"),
                            ("waiting", "Waits for a person"),
                            ("applied", "Our services follow it"),
                            ("ignored", "Our services stay"),
                            ("rolled_back", "Our services are as before it"),
                            ("overtaken", "A later change came before a decision"),
                        ],
                        max_length=11,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ChangeDecision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("apply", "Applied"),
                            ("wait", "Left to a person"),
                            ("ignore", "Ignored"),
                            ("roll_back", "Rolled back"),
                        ],
                        max_length=9,
                    ),
                ),
                ("actor", models.CharField(max_length=150)),
                ("reason", models.CharField(blank=True, max_length=200)),
                ("changes", models.PositiveIntegerField(help_text="How many.")),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name="ChangeRule",
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
                            ("new", "Listed for the first time"),
                            ("back", "Listed again"),
                            ("dearer", "Dearer"),
                            ("cheaper", "Cheaper"),
                            ("min", "Smallest quantity"),
                            ("max", "Largest quantity"),
                            ("refill", "Refill"),
                            ("cancel", "Cancel"),
                            ("dripfeed", "Drip-feed"),
                            ("renamed", "Name"),
                            ("description", "Description"),
                            ("category", "Category"),
                            ("gone", "Listed no more"),
                            ("type", "Order type"),
                        ],
                        max_length=11,
                    ),
                ),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("apply", "Applied"),
                            ("wait", "Left to a person"),
                            ("ignore", "Ignored"),
                            ("roll_back", "Rolled back"),
                        ],
                        max_length=9,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ChangeSet",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "shrunk",
                    models.BooleanField(
                        default=False,
                        help_text="More than half of the list was lost: all of it waits for a person.",
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name="DeskJob",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[("order", "Deliver an order"), ("refill", "Top a delivered order up again")],
                        max_length=10,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("new", "Nobody has taken it"),
                            ("taken", "Somebody works on it"),
                            ("ended", "Its outcome tells how"),
                        ],
                        db_default="new",
                        max_length=10,
                    ),
                ),
                (
                    "worker",
                    models.CharField(
                        blank=True,
                        db_default="",
                        help_text="Who took it last, as they call themselves.",
                        max_length=100,
                    ),
                ),
                (
                    "lease_seconds",
                    models.PositiveIntegerField(
                        help_text="How long after each sign of life it is theirs; empty is without end.",
                        null=True,
                    ),
                ),
                ("leased_until", models.DateTimeField(null=True)),
                (
                    "request_id",
                    models.CharField(
                        blank=True,
                        db_default="",
                        help_text="Of the request that took it, if it named one.",
                        max_length=100,
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("completed", "Done"),
                            ("partial", "Done in part: the rest is refunded"),
                            ("canceled", "Not done: refunded"),
                            ("rejected", "A refill that is not done"),
                        ],
                        db_default="",
                        max_length=10,
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        db_default="",
                        help_text="Why it was not done, for the customer to read.",
                        max_length=200,
                    ),
                ),
                ("ended_by", models.CharField(blank=True, db_default="", max_length=200)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("ended_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="ImportedService",
            fields=[
                (
                    "service",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="imported",
                        serialize=False,
                        to="catalog.service",
                    ),
                ),
                (
                    "markup_percent",
                    models.DecimalField(decimal_places=4, help_text="Of the true cost.", max_digits=9),
                ),
                (
                    "fixed",
                    models.DecimalField(
                        decimal_places=5,
                        default=0,
                        help_text="Added to the marked-up cost, in panel currency per 1000; of a package, per order.",
                        max_digits=18,
                    ),
                ),
                (
                    "step",
                    models.DecimalField(
                        decimal_places=5, help_text="The rate is a multiple of it.", max_digits=18
                    ),
                ),
                (
                    "rounding",
                    models.CharField(
                        choices=[("up", "Up"), ("nearest", "To the nearest"), ("down", "Down")],
                        default="up",
                        max_length=7,
                    ),
                ),
                (
                    "below_cost",
                    models.BooleanField(
                        default=False, help_text="Whether the rate may be less than the cost."
                    ),
                ),
                (
                    "rate",
                    models.DecimalField(
                        decimal_places=5,
                        help_text="What import or sync last made of its price; another rate is a person's.",
                        max_digits=18,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RefillElsewhere",
            fields=[
                (
                    "refill",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="elsewhere",
                        serialize=False,
                        to="orders.refill",
                    ),
                ),
                ("quantity", models.BigIntegerField()),
                ("actor", models.CharField(help_text="Who gave it there.", max_length=200)),
                (
                    "next_at",
                    models.DateTimeField(
                        help_text="When it is handed over; empty when it was, or when staff must decide.",
                        null=True,
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        db_default="",
                        help_text="Why it waits, for the queue or for staff.",
                        max_length=200,
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name="RoutePolicy",
            fields=[
                (
                    "service",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="route_policy",
                        serialize=False,
                        to="catalog.service",
                    ),
                ),
                (
                    "policy",
                    models.CharField(
                        choices=[
                            ("first", "The first that works, by position"),
                            ("cheapest", "The cheapest, by true cost"),
                            ("weight", "Each its share of the orders, by weight"),
                            ("score", "The best, by measured quality"),
                        ],
                        default="first",
                        max_length=10,
                    ),
                ),
                (
                    "sticky_per_link",
                    models.BooleanField(
                        default=False,
                        help_text="Whether a link's next order goes where its last one went, if that still works.",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RouteQuality",
            fields=[
                (
                    "route",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="quality",
                        serialize=False,
                        to="providers.route",
                    ),
                ),
                (
                    "orders",
                    models.PositiveIntegerField(
                        db_default=0, help_text="Ended hand-overs it was measured from."
                    ),
                ),
                (
                    "start_seconds",
                    models.FloatField(help_text="Median from acceptance to the first progress.", null=True),
                ),
                (
                    "finish_seconds_per_1000",
                    models.FloatField(
                        help_text="Median from acceptance to completion, scaled to a quantity of 1000.",
                        null=True,
                    ),
                ),
                ("partial_percent", models.FloatField(null=True)),
                (
                    "cancel_percent",
                    models.FloatField(help_text="Without those that were asked for.", null=True),
                ),
                ("refill_success_percent", models.FloatField(null=True)),
                ("cost_drift_percent", models.FloatField(help_text="Charged beyond the list.", null=True)),
                (
                    "uptime_percent",
                    models.FloatField(help_text="Hand-overs that brought a definite answer.", null=True),
                ),
                ("score", models.FloatField(db_default=70.0, help_text="0 to 100; see scoring.py.")),
                ("measured_at", models.DateTimeField(null=True)),
                (
                    "next_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        help_text="When it is measured again.",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "route qualities",
            },
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
            name="ServiceEdit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("field", models.CharField(max_length=20)),
                ("before", models.JSONField(help_text="Decimals are text.")),
                ("after", models.JSONField()),
                (
                    "over_hand",
                    models.BooleanField(default=False, help_text="Whether the value before was a person's."),
                ),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("undone_at", models.DateTimeField(null=True)),
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
            name="balance_before",
            field=models.DecimalField(
                decimal_places=8,
                help_text="Of an unknown outcome: our balance with the provider, last told before it.",
                max_digits=24,
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="fulfilment",
            name="balance_before_at",
            field=models.DateTimeField(help_text="When that was told.", null=True),
        ),
        migrations.AddField(
            model_name="fulfilment",
            name="decision",
            field=models.JSONField(
                help_text="Why this route, and why none of the others: see decisions.py.", null=True
            ),
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
            name="link_key",
            field=models.BigIntegerField(
                help_text="Of the order's link, where its service sends a link's orders the same way.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="fulfilment",
            name="refill",
            field=models.ForeignKey(
                db_index=False,
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
                blank=True,
                db_default={},
                default=dict,
                help_text="Its names of actions, by ours, where they differ.",
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
                blank=True, db_default={}, default=dict, help_text="Sent with every call beside our fields."
            ),
        ),
        migrations.AddField(
            model_name="provider",
            name="field_names",
            field=models.JSONField(
                blank=True,
                db_default={},
                default=dict,
                help_text="Its names of fields, by ours, where they differ.",
            ),
        ),
        migrations.AddField(
            model_name="provider",
            name="kind",
            field=models.CharField(
                choices=[
                    ("api", "An upstream panel that speaks API v2"),
                    (
                        "manual",
                        "A desk: people who deliver by hand take orders from its queue. It is never called",
                    ),
                ],
                db_default="api",
                default="api",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="provider",
            name="listed_at",
            field=models.DateTimeField(help_text="When its services were last read.", null=True),
        ),
        migrations.AddField(
            model_name="provider",
            name="method",
            field=models.CharField(
                choices=[("post_form", "post_form"), ("get", "get"), ("post_json", "post_json")],
                db_default="post_form",
                default="post_form",
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
                default="",
                help_text="Empty: that of the PHP example of most panels.",
                max_length=300,
            ),
        ),
        migrations.AddField(
            model_name="route",
            name="weight",
            field=models.PositiveIntegerField(
                db_default=1,
                default=1,
                help_text="Its share of the orders where they are shared out by weight.",
            ),
        ),
        migrations.AlterField(
            model_name="attempt",
            name="request",
            field=models.JSONField(
                help_text="Fields as sent, without the key; empty once forgotten.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="handoverevidence",
            name="kind",
            field=models.CharField(
                choices=[
                    ("repeat", "The same request again, under its idempotency key"),
                    ("probe", "What the provider tells of the ids that the order may have"),
                    ("balance", "Our balance with the provider before and after; never conclusive"),
                    ("duplicate", "Another order was refused as a duplicate of it; never conclusive"),
                ],
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="provider",
            name="key",
            field=models.CharField(
                blank=True, help_text="Sent to the provider; redacted everywhere else.", max_length=500
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
        migrations.AlterField(
            model_name="provider",
            name="url",
            field=models.URLField(blank=True, help_text="Empty of a desk, as is its key.", max_length=500),
        ),
        migrations.AlterField(
            model_name="providerservice",
            name="seen_at",
            field=models.DateTimeField(help_text="When its list last told something new of it."),
        ),
        migrations.AddIndex(
            model_name="handoverevidence",
            index=models.Index(fields=["at"], name="evidence_to_forget"),
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
                    ("calls_per_minute__gte", 2),
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
        migrations.AddField(
            model_name="change",
            name="provider_service",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="changes",
                to="providers.providerservice",
            ),
        ),
        migrations.AddField(
            model_name="change",
            name="decision",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="providers.changedecision",
            ),
        ),
        migrations.AddField(
            model_name="changerule",
            name="provider",
            field=models.ForeignKey(
                help_text="Empty: of all.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="change_rules",
                to="providers.provider",
            ),
        ),
        migrations.AddField(
            model_name="changeset",
            name="provider",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="change_sets",
                to="providers.provider",
            ),
        ),
        migrations.AddField(
            model_name="changedecision",
            name="change_set",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="decisions",
                to="providers.changeset",
            ),
        ),
        migrations.AddField(
            model_name="change",
            name="change_set",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="changes", to="providers.changeset"
            ),
        ),
        migrations.AddField(
            model_name="deskjob",
            name="desk",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="jobs",
                to="providers.provider",
            ),
        ),
        migrations.AddField(
            model_name="deskjob",
            name="fulfilment",
            field=models.ForeignKey(
                help_text="What is delivered; of a refill, what is topped up.",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="desk_jobs",
                to="providers.fulfilment",
            ),
        ),
        migrations.AddField(
            model_name="deskjob",
            name="refill",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="desk_job",
                to="orders.refill",
            ),
        ),
        migrations.AddField(
            model_name="deskjob",
            name="service",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="catalog.service",
            ),
        ),
        migrations.AddField(
            model_name="importedservice",
            name="provider_service",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="imported",
                to="providers.providerservice",
            ),
        ),
        migrations.AddField(
            model_name="refillelsewhere",
            name="route",
            field=models.ForeignKey(
                db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, to="providers.route"
            ),
        ),
        migrations.AddIndex(
            model_name="routequality",
            index=models.Index(fields=["next_at"], name="routes_to_measure"),
        ),
        migrations.AddIndex(
            model_name="routetimes",
            index=models.Index(fields=["next_look_at"], name="route_times_due"),
        ),
        migrations.AddField(
            model_name="serviceedit",
            name="change",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="edits", to="providers.change"
            ),
        ),
        migrations.AddField(
            model_name="serviceedit",
            name="service",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="edits",
                to="catalog.service",
            ),
        ),
        migrations.AddIndex(
            model_name="servicetimes",
            index=models.Index(fields=["next_look_at"], name="service_times_due"),
        ),
        migrations.AddConstraint(
            model_name="changerule",
            constraint=models.UniqueConstraint(
                fields=("provider", "kind"), name="one_rule_per_kind", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="changerule",
            constraint=models.CheckConstraint(
                condition=models.Q(("verdict", "roll_back"), _negated=True), name="a_rule_does_not_roll_back"
            ),
        ),
        migrations.AddIndex(
            model_name="change",
            index=models.Index(fields=["provider_service", "aspect", "id"], name="changes_of_aspect"),
        ),
        migrations.AddIndex(
            model_name="deskjob",
            index=models.Index(fields=["desk", "id"], name="jobs_of_desk"),
        ),
        migrations.AddIndex(
            model_name="deskjob",
            index=models.Index(
                condition=models.Q(("state", "ended"), _negated=True), fields=["desk", "id"], name="jobs_open"
            ),
        ),
        migrations.AddIndex(
            model_name="deskjob",
            index=models.Index(condition=models.Q(("state", "new")), fields=["desk", "id"], name="jobs_new"),
        ),
        migrations.AddIndex(
            model_name="deskjob",
            index=models.Index(
                condition=models.Q(("state", "taken")), fields=["desk", "leased_until"], name="jobs_leased"
            ),
        ),
        migrations.AddIndex(
            model_name="deskjob",
            index=models.Index(
                condition=models.Q(("request_id", ""), _negated=True),
                fields=["desk", "request_id"],
                name="jobs_by_request",
            ),
        ),
        migrations.AddConstraint(
            model_name="deskjob",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "order")), fields=("fulfilment",), name="one_job_per_hand_over"
            ),
        ),
        migrations.AddConstraint(
            model_name="deskjob",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "refill"), ("refill__isnull", False)),
                    models.Q(("kind", "order"), ("refill__isnull", True)),
                    _connector="OR",
                ),
                name="a_refill_job_has_its_refill",
            ),
        ),
        migrations.AddConstraint(
            model_name="deskjob",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "ended"), models.Q(("outcome", ""), _negated=True)),
                    models.Q(models.Q(("state", "ended"), _negated=True), ("outcome", "")),
                    _connector="OR",
                ),
                name="an_ended_job_has_an_outcome",
            ),
        ),
        migrations.AddIndex(
            model_name="refillelsewhere",
            index=models.Index(
                condition=models.Q(("next_at__isnull", False)),
                fields=["next_at"],
                name="refills_elsewhere_queued",
            ),
        ),
        migrations.AddConstraint(
            model_name="refillelsewhere",
            constraint=models.CheckConstraint(
                condition=models.Q(("quantity__gte", 1)), name="a_refill_elsewhere_is_of_some"
            ),
        ),
        migrations.AddIndex(
            model_name="serviceedit",
            index=models.Index(fields=["service", "field", "id"], name="edits_of_field"),
        ),
    ]
