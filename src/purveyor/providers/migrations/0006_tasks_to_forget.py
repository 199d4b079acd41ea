from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Built beside the version that serves: forwarding does not wait for them.
    atomic = False

    dependencies = [
        ("providers", "0005_told_at"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="canceltask",
            index=models.Index(
                condition=models.Q(("response", ""), _negated=True),
                fields=["told_at"],
                name="cancel_tasks_to_forget",
            ),
        ),
        AddIndexConcurrently(
            model_name="refilltask",
            index=models.Index(
                condition=models.Q(("response", ""), _negated=True),
                fields=["told_at"],
                name="refill_tasks_to_forget",
            ),
        ),
    ]
