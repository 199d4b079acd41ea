-- name: begin
-- Once: behind the last order that is older than the outbox. Backwards from the newest order, and no further.
INSERT INTO outbox_watch (name, seen, gaps)
SELECT 'orders', coalesce(
    (
        SELECT id FROM orders_order
        WHERE created_at < (SELECT began_at FROM outbox_numbering WHERE id = 1) ORDER BY id DESC LIMIT 1
    ), 0
), '[]'
WHERE NOT EXISTS (SELECT FROM outbox_watch WHERE name = 'orders')
ON CONFLICT DO NOTHING;

-- name: hold
SELECT seen, gaps::json AS gaps FROM outbox_watch WHERE name = 'orders' FOR NO KEY UPDATE;

-- name: are_new
SELECT coalesce(
    (
        SELECT jsonb_array_length(gaps) > 0 OR coalesce((SELECT max(id) FROM orders_order), 0) > seen
        FROM outbox_watch WHERE name = 'orders'
    ), true
) AS found;

-- name: look
-- One statement, so that rows and transaction numbers are of one snapshot. There is always a row, if only with these.
-- Our own number was given when the row above was locked, after the look before had been committed.
WITH numbers AS (
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest_running,
           pg_current_xact_id()::text::bigint AS own
), found AS (
    SELECT late.* FROM json_array_elements(%(gaps)s::json) AS gap
    CROSS JOIN LATERAL (
        SELECT id, kind, customer_id, service_id, link, quantity, charge, currency, source, parent_id, created_at
        FROM orders_order WHERE id BETWEEN (gap ->> 0)::bigint AND (gap ->> 1)::bigint
        OFFSET 0
    ) AS late
    UNION ALL
    (
        SELECT id, kind, customer_id, service_id, link, quantity, charge, currency, source, parent_id, created_at
        FROM orders_order WHERE id > %(seen)s ORDER BY id LIMIT %(limit)s
    )
)
SELECT numbers.*, found.* FROM numbers LEFT JOIN found ON true ORDER BY found.id;

-- name: keep
UPDATE outbox_watch SET seen = %(seen)s, gaps = %(gaps)s WHERE name = 'orders';
