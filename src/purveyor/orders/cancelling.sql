-- name: lock_orders
SELECT orders.id, orders.customer_id, orders.kind, orders.status, orders.dispatch, orders.quantity, service.cancel,
       EXISTS (SELECT FROM orders_cancelrequest request
               WHERE request.order_id = orders.id AND request.status <> 'refused') AS already_asked
FROM orders_order orders JOIN catalog_service service ON service.id = orders.service_id
WHERE orders.id = ANY(%(ids)s::bigint[])
ORDER BY orders.id FOR NO KEY UPDATE OF orders;
