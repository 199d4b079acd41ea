from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Built beside the version that serves: syncs do not wait for them.
    atomic = False

    dependencies = [
        ("providers", "0007_retrace_rises"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="change",
            index=models.Index(
                condition=models.Q(("state", "waiting")),
                fields=["provider_service", "aspect"],
                name="waiting_changes",
            ),
        ),
        AddIndexConcurrently(
            model_name="change",
            index=models.Index(
                condition=models.Q(("state", "noted")), fields=["id"], name="changes_to_forget"
            ),
        ),
    ]
