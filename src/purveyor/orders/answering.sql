-- name: answer
UPDATE orders_cancelrequest SET status = %(status)s, reason = %(reason)s
FROM orders_order orders
WHERE orders.id = orders_cancelrequest.order_id AND orders_cancelrequest.order_id = ANY(%(orders)s::bigint[])
  AND orders_cancelrequest.status = 'requested'
RETURNING orders_cancelrequest.order_id, orders.customer_id;
