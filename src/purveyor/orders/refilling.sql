-- name: lock_orders
SELECT orders.id, orders.customer_id, orders.kind, orders.status, orders.status_at, service.refill,
       service.refill_days
FROM orders_order orders JOIN catalog_service service ON service.id = orders.service_id
WHERE orders.id = ANY(%(ids)s::bigint[])
ORDER BY orders.id FOR NO KEY UPDATE OF orders;

-- name: last_refills
SELECT DISTINCT ON (order_id) order_id, created_at, status IN ('Pending', 'In progress') AS is_running
FROM orders_refill WHERE order_id = ANY(%(ids)s::bigint[])
ORDER BY order_id, id DESC;

-- name: statuses
SELECT refill.id, refill.status, orders.customer_id
FROM orders_refill refill JOIN orders_order orders ON orders.id = refill.order_id
WHERE refill.id = ANY(%(ids)s::bigint[]);
