import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_fulfilment"),
        ("catalog", "0003_fulfilment"),
        ("orders", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="FedPost",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("url", models.TextField()),
                ("url_key", models.BigIntegerField(help_text="Hash of the normalised address.")),
                ("old", models.BooleanField(help_text="Whether it was there before the subscription.")),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("served", "An order was made of it"),
                            ("skipped", "It was made while the subscription was paused"),
                            ("unpaid", "The balance did not pay for it; it is served when it is told again"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "starts_at",
                    models.DateTimeField(
                        help_text="The end of its delay, from which on its order's time counts.", null=True
                    ),
                ),
                (
                    "waits",
                    models.BooleanField(
                        db_default=False, default=False, help_text="Whether its order waits for that."
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name="OrderPromise",
            fields=[
                (
                    "order",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="promise",
                        serialize=False,
                        to="orders.order",
                    ),
                ),
                ("promised_until", models.DateTimeField()),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("kept", "The order ended in time"),
                            ("late", "It ended late"),
                            ("told", "It is late, and that was told"),
                            ("asked", "It is late, and staff are asked what to do"),
                            ("waited", "Staff let it go on"),
                            ("canceled", "Its cancel was asked for"),
                            (
                                "rerouted",
                                "Its provider was asked to stop, so that another one delivers what remains",
                            ),
                            ("dropped", "Nothing is promised of its service any more"),
                        ],
                        db_default="",
                        help_text="Empty until it is time; then the order was acted upon, once.",
                        max_length=10,
                    ),
                ),
                ("settled_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="ServicePromise",
            fields=[
                (
                    "service",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="promise",
                        serialize=False,
                        to="catalog.service",
                    ),
                ),
                ("minutes", models.PositiveIntegerField()),
                (
                    "per_thousand",
                    models.BooleanField(
                        db_default=False,
                        help_text="Whether the minutes are for each thousand, or for any order.",
                    ),
                ),
                (
                    "past",
                    models.CharField(
                        choices=[
                            ("ask", "Staff are asked whether it goes on or is canceled"),
                            ("tell", "It is only told"),
                            ("cancel", "It is canceled, if whoever fulfils it agrees"),
                            (
                                "reroute",
                                "It is canceled in the same way, and another provider delivers what remains",
                            ),
                        ],
                        max_length=10,
                    ),
                ),
            ],
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
        migrations.AddField(
            model_name="subscription",
            name="live",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Whether it is fed by post events, and has not ended.",
            ),
        ),
        migrations.AddField(
            model_name="subscription",
            name="old_posts_done",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="subscription",
            name="paused_reason",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
        migrations.AddField(
            model_name="subscription",
            name="username_key",
            field=models.BigIntegerField(help_text="Hash of the name, to find it by.", null=True),
        ),
        migrations.AlterField(
            model_name="order",
            name="dispatch",
            field=models.CharField(
                choices=[
                    ("queued", "Waits to be handed over"),
                    ("held", "Held, with a reason a person can read"),
                    ("handed", "Handed over: its fulfilments tell the rest"),
                    (
                        "scheduled",
                        "Its time has not come, or it is a parent: its schedule makes orders of it",
                    ),
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
                    ("refill_elsewhere", "A refill goes to another provider, at our cost"),
                    ("overlap", "A provider went on with what another was asked to deliver"),
                    ("promise", "Not complete in the promised time"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="fedpost",
            name="order",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="fed_post",
                to="orders.order",
            ),
        ),
        migrations.AddField(
            model_name="fedpost",
            name="subscription",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="fed_posts",
                to="orders.order",
            ),
        ),
        migrations.AddIndex(
            model_name="orderpromise",
            index=models.Index(
                condition=models.Q(("outcome", "")), fields=["promised_until"], name="promises_due"
            ),
        ),
        migrations.AddIndex(
            model_name="orderpromise",
            index=models.Index(
                condition=models.Q(("outcome", "asked")), fields=["promised_until"], name="promises_asked"
            ),
        ),
        migrations.AddConstraint(
            model_name="servicepromise",
            constraint=models.CheckConstraint(
                condition=models.Q(("minutes__gte", 1), ("minutes__lte", 525600)), name="a_promise_is_a_time"
            ),
        ),
        migrations.AddIndex(
            model_name="fedpost",
            index=models.Index(
                condition=models.Q(("waits", True)), fields=["starts_at"], name="fed_posts_to_start"
            ),
        ),
        migrations.AddConstraint(
            model_name="fedpost",
            constraint=models.UniqueConstraint(
                fields=("subscription", "url_key"), name="a_post_is_told_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="fedpost",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("order__isnull", False), ("outcome", "served")),
                    models.Q(models.Q(("outcome", "served"), _negated=True), ("order__isnull", True)),
                    _connector="OR",
                ),
                name="a_served_post_is_an_order",
            ),
        ),
    ]
