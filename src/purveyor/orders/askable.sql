-- name: facts
SELECT orders.id, orders.kind, orders.status, orders.status_at, orders.created_at, orders.parent_id, orders.remains,
       service.type, service.refill, service.refill_days, service.cancel, service.finish_rest,
       last.created_at AS last_asked_at, coalesce(last.is_running, false) AS is_running,
       EXISTS (
           SELECT FROM orders_cancelrequest request WHERE request.order_id = orders.id AND request.status <> 'refused'
       ) AS cancel_asked
FROM orders_order orders
JOIN catalog_service service ON service.id = orders.service_id
LEFT JOIN LATERAL (
    SELECT created_at, status IN ('Pending', 'In progress') AS is_running FROM orders_refill
    WHERE order_id = orders.id ORDER BY id DESC LIMIT 1
) AS last ON true
WHERE orders.id = ANY(%(ids)s::bigint[]);
