"""The one row of the numbering: events are numbered from 1, and the outbox begins now."""

from django.db import migrations


class Migration(migrations.Migration):
    """See the module."""

    dependencies = [("outbox", "0001_initial")]

    operations = [
        migrations.RunSQL("INSERT INTO outbox_numbering (id) VALUES (1);", "DELETE FROM outbox_numbering;")
    ]
