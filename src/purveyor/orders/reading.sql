-- name: orders
SELECT id, customer_id, kind, status, charge - refunded AS charge, start_count, remains, currency
FROM orders_order WHERE id = ANY(%(ids)s::bigint[]);

-- name: drip_feeds
SELECT parent.order_id AS id, runs.runs_done, runs.children
FROM orders_dripfeed parent
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE status IN ('Completed', 'Partial')) AS runs_done,
           coalesce(array_agg(id ORDER BY part), '{}') AS children
    FROM orders_order WHERE parent_id = parent.order_id
) AS runs
WHERE parent.order_id = ANY(%(ids)s::bigint[]);

-- name: subscriptions
SELECT parent.order_id AS id, parent.expiry, parent.posts_done, posts.children, posts.old_children
FROM orders_subscription parent
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(id ORDER BY part) FILTER (WHERE fields ->> 'old' IS NULL), '{}') AS children,
           coalesce(array_agg(id ORDER BY part) FILTER (WHERE fields ->> 'old' IS NOT NULL), '{}') AS old_children
    FROM orders_order WHERE parent_id = parent.order_id
) AS posts
WHERE parent.order_id = ANY(%(ids)s::bigint[]);
