"""The ledger's currency; books kept before take that of their newest order."""

from django.db import migrations, models

# The orders' table is made later, by a room above this one: absent where there are no books yet.
TAKE_OVER = """
DO $$
BEGIN
    IF to_regclass('orders_order') IS NOT NULL THEN
        INSERT INTO money_ledger (id, currency)
        SELECT 1, currency FROM orders_order ORDER BY id DESC LIMIT 1;
    END IF;
END
$$;
"""


class Migration(migrations.Migration):
    """See the module."""

    dependencies = [("money", "0002_house_wallets")]

    operations = [
        migrations.CreateModel(
            name="Ledger",
            fields=[
                ("id", models.SmallIntegerField(primary_key=True, serialize=False)),
                ("currency", models.CharField(max_length=3)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(name="there_is_one_ledger", condition=models.Q(id=1)),
                ],
            },
        ),
        migrations.RunSQL(TAKE_OVER, migrations.RunSQL.noop),
    ]
