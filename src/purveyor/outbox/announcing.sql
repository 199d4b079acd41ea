-- name: announce
INSERT INTO outbox_outboxevent (kind, about, customer_id, data)
SELECT kind, about, customer_id, data
FROM json_to_recordset(%(events)s::json) AS event (kind text, about text, customer_id bigint, data jsonb)
ON CONFLICT DO NOTHING
RETURNING id;
