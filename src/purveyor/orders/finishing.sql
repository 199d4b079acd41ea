-- name: lock_order
SELECT orders.id, orders.customer_id, orders.kind, orders.parent_id, orders.quantity, orders.remains, orders.charge,
       orders.refunded, orders.status, orders.status_at, service.type, service.finish_rest, customer.wallet_id
FROM orders_order orders
JOIN catalog_service service ON service.id = orders.service_id
JOIN accounts_customer customer ON customer.id = orders.customer_id
WHERE orders.id = ANY(%(ids)s::bigint[])
FOR NO KEY UPDATE OF orders;

-- name: last_part
-- A statement of its own after the lock, so that it sees the refund that we waited for.
SELECT coalesce(max(part), 0) AS number FROM money_transfer
WHERE kind IN ('refund', 'recharge') AND cause_id = ANY(%(ids)s::bigint[]);

-- name: reopen
UPDATE orders_order SET status = 'In progress', status_at = now(), refunded = 0, dispatch = 'queued', hold_reason = ''
WHERE id = %(id)s;
