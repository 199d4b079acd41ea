import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("providers", "0004_terms_of_change_sets"),
    ]

    operations = [
        migrations.AddField(
            model_name="canceltask",
            name="told_at",
            field=models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(),
                help_text="When that was written down.",
            ),
        ),
        migrations.AddField(
            model_name="refilltask",
            name="told_at",
            field=models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(),
                help_text="When that was written down.",
            ),
        ),
        migrations.AlterField(
            model_name="canceltask",
            name="response",
            field=models.TextField(
                db_default="", help_text="The provider's last words; empty where it said yes, or nothing."
            ),
        ),
        migrations.AlterField(
            model_name="refilltask",
            name="response",
            field=models.TextField(
                blank=True, db_default="", help_text="The provider's last words, or why there are none."
            ),
        ),
    ]
