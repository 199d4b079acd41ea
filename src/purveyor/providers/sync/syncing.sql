-- name: keep_offers
-- What is new or other than before, as it is listed. A doubt about a price ends where the list tells another.
INSERT INTO providers_providerservice AS kept (
    provider_id, external_id, name, type, category, rate, min, max, refill, cancel, dripfeed, description, seen_at,
    price_in_doubt
)
SELECT %(provider)s, listed.*, now(), false
FROM json_to_recordset(%(listed)s::json) AS listed (
    external_id text, name text, type text, category text, rate numeric, min bigint, max bigint, refill boolean,
    cancel boolean, dripfeed boolean, description text
)
ON CONFLICT (provider_id, external_id) DO UPDATE SET
    name = excluded.name, type = excluded.type, category = excluded.category, rate = excluded.rate,
    min = excluded.min, max = excluded.max, refill = excluded.refill, cancel = excluded.cancel,
    dripfeed = excluded.dripfeed, description = excluded.description, seen_at = excluded.seen_at, gone_at = NULL,
    price_doubted_at = CASE WHEN kept.rate = excluded.rate THEN kept.price_doubted_at END;

-- name: lose_offers
UPDATE providers_providerservice SET gone_at = now(), missed_at = NULL
WHERE provider_id = %(provider)s AND external_id = ANY(%(gone)s::text[]);

-- name: miss_offers
UPDATE providers_providerservice SET missed_at = now()
WHERE provider_id = %(provider)s AND external_id = ANY(%(missing)s::text[]) AND missed_at IS NULL;

-- name: find_offers
UPDATE providers_providerservice SET missed_at = NULL
WHERE provider_id = %(provider)s AND missed_at IS NOT NULL AND external_id <> ALL(%(missing)s::text[]);

-- name: newcomers
-- How many services were listed for the first time since others have been missed.
SELECT count(*) AS number FROM providers_changeset change_set
JOIN providers_change change ON change.change_set_id = change_set.id AND change.kind = 'new'
WHERE change_set.provider_id = %(provider)s AND change_set.created_at >= (
    SELECT min(missed_at) FROM providers_providerservice WHERE provider_id = %(provider)s
);

-- name: end_doubts
UPDATE providers_providerservice SET price_in_doubt = false
WHERE provider_id = %(provider)s AND price_in_doubt AND gone_at IS NULL AND missed_at IS NULL;

-- name: note_reading
UPDATE providers_provider SET listed_at = now() WHERE id = %(provider)s;
