-- name: overtake
UPDATE providers_change SET state = 'overtaken'
WHERE provider_service_id = ANY(%(offers)s::bigint[]) AND aspect = %(aspect)s AND state = 'waiting';

-- name: write_changes
-- In the order in which they take effect.
INSERT INTO providers_change (
    change_set_id, provider_service_id, kind, aspect, before, after, state, decision_id
)
SELECT %(change_set)s, found.offer_id, found.kind, found.aspect, found.before, found.after, found.state,
       found.decision_id
FROM json_to_recordset(%(changes)s::json) AS found (
    place int, offer_id bigint, kind text, aspect text, before jsonb, after jsonb, state text, decision_id bigint
)
ORDER BY found.place RETURNING id;

-- name: lowest_lately
-- The lowest rate that changes of the last days edited, of those that hold and replaced no price of a person's.
-- Only the newest edits are looked at, so that a long history costs nothing.
SELECT service.id AS service_id, lowest.rate
FROM unnest(%(services)s::bigint[]) AS service (id)
CROSS JOIN LATERAL (
    SELECT min((edit.before #>> '{}')::numeric) AS rate
    FROM (
        SELECT before, at, undone_at, over_hand FROM providers_serviceedit
        WHERE service_id = service.id AND field = 'rate' ORDER BY id DESC LIMIT %(most)s
    ) AS edit
    WHERE edit.undone_at IS NULL AND NOT edit.over_hand AND edit.at > now() - %(days)s * interval '1 day'
) AS lowest
WHERE lowest.rate IS NOT NULL;
