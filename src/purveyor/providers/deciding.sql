-- name: overtake
UPDATE providers_change SET state = 'overtaken'
WHERE provider_service_id = ANY(%(offers)s::bigint[]) AND aspect = %(aspect)s AND state = 'waiting';
