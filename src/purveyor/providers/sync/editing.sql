-- name: services
-- Our services that hang on these offers, by an open route or because they were imported from them.
SELECT route.provider_service_id AS offer_id, route.service_id FROM providers_route route
WHERE route.provider_service_id = ANY(%(offers)s::bigint[]) AND route.enabled
UNION
SELECT provider_service_id, service_id FROM providers_importedservice
WHERE provider_service_id = ANY(%(offers)s::bigint[]);

-- name: open_routes
SELECT route.service_id, route.provider_service_id AS offer_id
FROM providers_route route JOIN providers_providerservice offer ON offer.id = route.provider_service_id
WHERE route.service_id = ANY(%(services)s::bigint[]) AND route.enabled AND offer.gone_at IS NULL;

-- name: switched_off
-- Services whose last change of being on or off, of those that were not rolled back, switched them off.
SELECT service_id FROM (
    SELECT DISTINCT ON (service_id) service_id, after
    FROM providers_serviceedit
    WHERE service_id = ANY(%(services)s::bigint[]) AND field = 'enabled' AND undone_at IS NULL
    ORDER BY service_id, id DESC
) AS last WHERE after = 'false'::jsonb;

-- name: write_services
UPDATE catalog_service service SET
    category_id = edited.category_id, name = edited.name, description = edited.description, rate = edited.rate,
    min = edited.min, max = edited.max, refill = edited.refill, cancel = edited.cancel, dripfeed = edited.dripfeed,
    enabled = edited.enabled, updated_at = now()
FROM json_to_recordset(%(services)s::json) AS edited (
    id bigint, category_id bigint, name text, description text, rate numeric, min bigint, max bigint, refill boolean,
    cancel boolean, dripfeed boolean, enabled boolean
)
WHERE service.id = edited.id;

-- name: write_rates
UPDATE providers_importedservice imported SET rate = made.rate
FROM json_to_recordset(%(rates)s::json) AS made (id bigint, rate numeric)
WHERE imported.service_id = made.id;

-- name: write_edits
-- In the order in which they were made.
INSERT INTO providers_serviceedit (change_id, service_id, field, before, after, over_hand)
SELECT made.change_id, made.service_id, made.field, made.before, made.after, made.over_hand
FROM json_to_recordset(%(edits)s::json) AS made (
    place int, change_id bigint, service_id bigint, field text, before jsonb, after jsonb, over_hand boolean
)
ORDER BY made.place;
