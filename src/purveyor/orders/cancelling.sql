-- name: lock_orders
-- With their parents, in order of id: what ends a part may end its parent.
SELECT orders.id, orders.customer_id, orders.kind, orders.status, orders.dispatch, orders.quantity, orders.created_at,
       service.cancel
FROM orders_order orders JOIN catalog_service service ON service.id = orders.service_id
WHERE orders.id = ANY(ARRAY(
    SELECT unnest(%(ids)s::bigint[])
    UNION
    SELECT parent_id FROM orders_order WHERE id = ANY(%(ids)s::bigint[]) AND parent_id IS NOT NULL
))
ORDER BY orders.id FOR NO KEY UPDATE OF orders;

-- name: asked
-- A statement of its own after the lock, so that it sees a wish that was taken while we waited.
SELECT order_id FROM orders_cancelrequest WHERE order_id = ANY(%(ids)s::bigint[]) AND status <> 'refused';

-- name: lock_schedules
SELECT order_id FROM orders_dripfeed WHERE order_id = ANY(%(ids)s::bigint[]) ORDER BY order_id FOR NO KEY UPDATE;

-- name: wallets
SELECT wallet_id FROM accounts_customer WHERE id = ANY(%(customers)s::bigint[]);
