"""A number that grows with every change that an API door's cache of keys must notice.

A trigger, not code in the actions: an edit by any door, or by hand in SQL, is noticed the same way.
"""

from django.db import migrations

FORWARD = """
INSERT INTO accounts_accountsversion (id, version) VALUES (1, 1);
CREATE FUNCTION accounts_grow_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE accounts_accountsversion SET version = version + 1 WHERE id = 1;
    RETURN NULL;
END
$$;
CREATE TRIGGER keys_grow_version AFTER DELETE OR UPDATE OF revoked_at, digest, customer_id ON accounts_apikey
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_grow_version();
CREATE TRIGGER customers_grow_version AFTER DELETE OR UPDATE OF status, group_id ON accounts_customer
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_grow_version();
"""

BACKWARD = """
DROP TRIGGER customers_grow_version ON accounts_customer;
DROP TRIGGER keys_grow_version ON accounts_apikey;
DROP FUNCTION accounts_grow_version();
DELETE FROM accounts_accountsversion;
"""


class Migration(migrations.Migration):
    """See the module."""

    dependencies = [("accounts", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
