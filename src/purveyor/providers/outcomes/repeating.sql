-- name: begin_repeat
-- Held until the transaction ends, so that nobody settles it meanwhile. Nothing where its request is on its way
-- already.
UPDATE providers_fulfilment SET repeated_until = now() + %(lease)s * interval '1 second'
WHERE id = %(fulfilment)s AND handover = 'unknown' AND coalesce(repeated_until <= now(), true)
RETURNING id;

-- name: end_repeat
UPDATE providers_fulfilment SET repeated_until = now() WHERE id = %(fulfilment)s AND repeated_until > now();
