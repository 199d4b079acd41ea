-- name: announce
-- With positions from the one after %(after)s on, or without any where that is null. A position that is given away
-- already is an error, never a reason to drop an event.
INSERT INTO outbox_outboxevent (kind, about, customer_id, data, position)
SELECT kind, about, customer_id, data, %(after)s::bigint + place
FROM ROWS FROM (
    json_to_recordset(%(events)s::json) AS (kind text, about text, customer_id bigint, data jsonb)
) WITH ORDINALITY AS event (kind, about, customer_id, data, place)
ON CONFLICT (kind, about) WHERE kind = 'order.created' DO NOTHING;
