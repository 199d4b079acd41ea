-- name: orders
SELECT id, customer_id, kind, status, charge - refunded AS charge, start_count, remains, currency
FROM orders_order WHERE id = ANY(%(ids)s::bigint[]);

-- name: drip_feeds
SELECT parent.order_id AS id,
       count(child.id) FILTER (WHERE child.status IN ('Completed', 'Partial')) AS runs_done,
       coalesce(array_agg(child.id ORDER BY child.part) FILTER (WHERE child.id IS NOT NULL), '{}') AS children
FROM orders_dripfeed parent
LEFT JOIN orders_order child ON child.parent_id = parent.order_id
WHERE parent.order_id = ANY(%(ids)s::bigint[])
GROUP BY parent.order_id;

-- name: subscriptions
SELECT parent.order_id AS id, parent.expiry, parent.posts_done,
       coalesce(array_agg(child.id ORDER BY child.part)
                FILTER (WHERE child.id IS NOT NULL AND (child.fields ->> 'old') IS NULL), '{}') AS children,
       coalesce(array_agg(child.id ORDER BY child.part)
                FILTER (WHERE (child.fields ->> 'old') IS NOT NULL), '{}') AS old_children
FROM orders_subscription parent
LEFT JOIN orders_order child ON child.parent_id = parent.order_id
WHERE parent.order_id = ANY(%(ids)s::bigint[])
GROUP BY parent.order_id;
