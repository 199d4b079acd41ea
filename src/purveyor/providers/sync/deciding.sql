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
