"""The panel's own wallets, and the rule that a transfer is never changed."""

from django.db import migrations

HOUSE_WALLETS = """
INSERT INTO money_wallet (id, kind, name, balance, floor) VALUES
    (1, 'house', 'Revenue', NULL, 0),
    (2, 'house', 'Cost', NULL, 0),
    (3, 'house', 'Adjustments', NULL, 0),
    (4, 'house', 'Bonuses', NULL, 0);
-- Ids below 100 stay reserved for wallets of the house.
SELECT setval(pg_get_serial_sequence('money_wallet', 'id'), 100);
"""

TRANSFERS_ARE_FOR_EVER = """
CREATE FUNCTION money_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a transfer is never changed or deleted; a correction is another transfer'
        USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER transfers_are_never_changed BEFORE UPDATE OR DELETE ON money_transfer
    FOR EACH ROW EXECUTE FUNCTION money_refuse_change();
CREATE TRIGGER transfers_are_never_emptied BEFORE TRUNCATE ON money_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION money_refuse_change();
"""

TRANSFERS_MAY_CHANGE = """
DROP TRIGGER transfers_are_never_emptied ON money_transfer;
DROP TRIGGER transfers_are_never_changed ON money_transfer;
DROP FUNCTION money_refuse_change();
"""


class Migration(migrations.Migration):
    """See the module."""

    dependencies = [("money", "0001_initial")]

    operations = [
        migrations.RunSQL(HOUSE_WALLETS, "DELETE FROM money_wallet WHERE id < 100"),
        migrations.RunSQL(TRANSFERS_ARE_FOR_EVER, TRANSFERS_MAY_CHANGE),
    ]
