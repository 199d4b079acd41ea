from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("providers", "0010_repeated_until"),
    ]

    operations = [
        migrations.AddField(
            model_name="fulfilment",
            name="poll_together",
            field=models.SmallIntegerField(
                db_default=100,
                help_text="The most ids that a list with it may hold; 1: it is asked about by itself.",
            ),
        ),
        # The column stays: the version before reads and writes it while this one is rolled out.
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField(model_name="fulfilment", name="poll_alone")],
        ),
    ]
