"""A number that grows with every edit of what a snapshot of the catalogue holds, by whatever hand."""

from django.db import migrations

FORWARD = """
INSERT INTO catalog_catalogversion (id, version) VALUES (1, 1);
CREATE FUNCTION catalog_grow_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE catalog_catalogversion SET version = version + 1 WHERE id = 1;
    RETURN NULL;
END
$$;
CREATE FUNCTION catalog_grow_service_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version = OLD.version + 1;
    RETURN NEW;
END
$$;
CREATE TRIGGER services_have_versions BEFORE UPDATE ON catalog_service
    FOR EACH ROW EXECUTE FUNCTION catalog_grow_service_version();
CREATE TRIGGER services_grow_version AFTER INSERT OR UPDATE OR DELETE ON catalog_service
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_grow_version();
CREATE TRIGGER categories_grow_version AFTER INSERT OR UPDATE OR DELETE ON catalog_category
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_grow_version();
CREATE TRIGGER own_rates_grow_version AFTER INSERT OR UPDATE OR DELETE ON catalog_ownrate
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_grow_version();
CREATE TRIGGER group_discounts_grow_version AFTER INSERT OR UPDATE OR DELETE ON accounts_customergroup
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_grow_version();
"""

BACKWARD = """
DROP TRIGGER group_discounts_grow_version ON accounts_customergroup;
DROP TRIGGER own_rates_grow_version ON catalog_ownrate;
DROP TRIGGER categories_grow_version ON catalog_category;
DROP TRIGGER services_grow_version ON catalog_service;
DROP TRIGGER services_have_versions ON catalog_service;
DROP FUNCTION catalog_grow_service_version();
DROP FUNCTION catalog_grow_version();
DELETE FROM catalog_catalogversion;
"""


class Migration(migrations.Migration):
    """See the module."""

    dependencies = [("catalog", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
