-- name: parents
SELECT DISTINCT parent_id AS id FROM orders_order
WHERE id = ANY(%(ids)s::bigint[]) AND parent_id IS NOT NULL;

-- name: lock_orders
-- In order of id. Not the strongest lock: a child may be inserted while its parent is held here.
SELECT id, kind, customer_id, parent_id, quantity, charge, refunded, status, start_count, remains, dispatch
FROM orders_order WHERE id = ANY(%(ids)s::bigint[])
ORDER BY id FOR NO KEY UPDATE;

-- name: write_progress
UPDATE orders_order SET
    status = changed.status,
    status_at = CASE WHEN orders_order.status = changed.status THEN orders_order.status_at ELSE now() END,
    start_count = changed.start_count,
    remains = changed.remains,
    refunded = changed.refunded
FROM json_to_recordset(%(changes)s::json)
    AS changed (id bigint, status text, start_count bigint, remains bigint, refunded numeric)
WHERE orders_order.id = changed.id AND orders_order.id = ANY(%(ids)s::bigint[]);

-- name: money_parts
-- How many refunds and corrections each order has had: the next one's part is one more.
SELECT cause_id AS order_id, max(part) AS last FROM money_transfer
WHERE kind IN ('refund', 'recharge') AND cause_id = ANY(%(ids)s::bigint[])
GROUP BY cause_id;

-- name: wallets
SELECT orders.id AS order_id, customer.wallet_id FROM orders_order orders
JOIN accounts_customer customer ON customer.id = orders.customer_id
WHERE orders.id = ANY(%(ids)s::bigint[]);

-- name: last_unknown_words
SELECT DISTINCT ON (order_id) order_id, data ->> 'word' AS word FROM orders_orderevent
WHERE order_id = ANY(%(ids)s::bigint[]) AND kind = 'unknown_status'
ORDER BY order_id, id DESC;

-- name: finished_parents
-- Drip-feeds among these parents whose runs are all released (or will not be) and all ended. In a transaction
-- that holds them, and after it got hold of them: what ended while it waited must count. Looked up before it is asked
-- what they are, as in `promised` (promising.sql).
SELECT parent.id, parent.customer_id, parent.status, parent.remains, parent.charge, parent.refunded, runs.delivered
FROM (
    SELECT id, customer_id, kind, status, remains, charge, refunded
    FROM orders_order WHERE id = ANY(%(ids)s::bigint[]) OFFSET 0
) AS parent
JOIN orders_dripfeed drip_feed ON drip_feed.order_id = parent.id AND drip_feed.next_run_at IS NULL
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE status IN ('Completed', 'Partial')) AS delivered,
           count(*) FILTER (WHERE status IN ('Pending', 'Processing', 'In progress')) AS under_way
    FROM orders_order WHERE parent_id = parent.id
) AS runs
WHERE parent.kind = 'drip-feed' AND parent.status = 'In progress' AND runs.under_way = 0;
