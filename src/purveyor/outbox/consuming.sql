-- name: events_after
SELECT position, kind, about, customer_id, data::json AS data, created_at FROM outbox_outboxevent
WHERE position > %(position)s ORDER BY position LIMIT %(limit)s;

-- name: start
INSERT INTO outbox_consumer (name, position) SELECT %(name)s, last FROM outbox_numbering ON CONFLICT DO NOTHING;

-- name: stop
DELETE FROM outbox_consumer WHERE name = %(name)s;

-- name: hold
SELECT position FROM outbox_consumer WHERE name = %(name)s FOR NO KEY UPDATE SKIP LOCKED;

-- name: advance
UPDATE outbox_consumer SET position = %(position)s WHERE name = %(name)s;
