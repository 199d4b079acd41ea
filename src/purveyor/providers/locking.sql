-- name: orders_of
SELECT DISTINCT order_id FROM providers_fulfilment WHERE id = ANY(%(fulfilments)s::bigint[]);

-- name: lock_orders
-- In order of id, parents among them.
SELECT id FROM orders_order WHERE id = ANY(ARRAY(
    SELECT unnest(%(ids)s::bigint[])
    UNION
    SELECT parent_id FROM orders_order WHERE id = ANY(%(ids)s::bigint[]) AND parent_id IS NOT NULL
))
ORDER BY id FOR NO KEY UPDATE;

-- name: orders
-- A statement of its own after the lock, so that it sees a wish that was taken while we waited.
SELECT orders.id, orders.kind, orders.dispatch, orders.remains,
       EXISTS (SELECT FROM orders_cancelrequest request
               WHERE request.order_id = orders.id AND request.status = 'requested') AS cancel_wanted
FROM orders_order orders WHERE orders.id = ANY(%(ids)s::bigint[]);
