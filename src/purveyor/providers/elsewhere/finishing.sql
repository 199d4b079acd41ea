-- name: parts
-- What each provider was asked to deliver of these orders, first to last; the caller holds the orders.
SELECT fulfilment.order_id, fulfilment.id, coalesce(fulfilment.delivered, 0) AS delivered,
       fulfilment.ended_at IS NOT NULL AS ended,
       orders.quantity AS ordered, orders.dispatch,
       orders.status IN ('Pending', 'Processing', 'In progress') AS is_open
FROM providers_fulfilment fulfilment JOIN orders_order orders ON orders.id = fulfilment.order_id
WHERE fulfilment.order_id = ANY(%(orders)s::bigint[])
  AND fulfilment.handover <> 'refused' AND fulfilment.refill_id IS NULL
ORDER BY fulfilment.order_id, fulfilment.number;

-- name: to_finish
-- Of these orders, which the caller holds, those that another provider may finish, and what was tried before: by the
-- rule of the service, because the order was late and is rerouted for that, or `anyway`. Not where the customer wished
-- the end, nor where money went back already. Looked up before it is asked what they are, as in `accept` (outcomes.sql).
SELECT orders.id, orders.service_id, orders.quantity, orders.charge, orders.remains, service.type,
       array_remove(array_agg(fulfilment.route_id), NULL) AS used,
       count(*) FILTER (WHERE fulfilment.handover = 'accepted') AS accepted
FROM (
    SELECT id, service_id, kind, quantity, charge, remains, refunded, status
    FROM orders_order WHERE id = ANY(%(orders)s::bigint[]) OFFSET 0
) AS orders
JOIN catalog_service service ON service.id = orders.service_id
CROSS JOIN LATERAL (
    SELECT route_id, handover FROM providers_fulfilment
    WHERE order_id = orders.id AND refill_id IS NULL AND (handover = 'accepted' OR refusal IN ('link', 'quantity'))
    OFFSET 0
) AS fulfilment
WHERE (
    %(anyway)s OR service.finish_rest = 'rule' OR EXISTS (
        SELECT FROM orders_orderpromise promise WHERE promise.order_id = orders.id AND promise.outcome = 'rerouted'
    ))
  AND orders.kind = 'order' AND orders.refunded = 0
  AND orders.status IN ('Pending', 'Processing', 'In progress')
  AND NOT EXISTS (
    SELECT FROM orders_cancelrequest request
    WHERE request.order_id = orders.id AND request.status <> 'refused'
  )
GROUP BY orders.id, orders.service_id, orders.quantity, orders.charge, orders.remains, service.type;

-- name: pass_on
UPDATE providers_fulfilment SET superseded = true WHERE id = ANY(%(ids)s::bigint[]);

-- name: supersede
-- The parts before a new one, of orders that are being handed over again. What one delivered was not kept when it
-- was the only one: then its order tells.
UPDATE providers_fulfilment fulfilment SET
    superseded = true,
    delivered = coalesce(fulfilment.delivered, orders.quantity - orders.remains)
FROM orders_order orders
WHERE fulfilment.order_id = ANY(%(orders)s::bigint[]) AND orders.id = fulfilment.order_id
  AND fulfilment.handover = 'accepted' AND fulfilment.refill_id IS NULL;

-- name: take_back
UPDATE providers_fulfilment SET superseded = false WHERE id = ANY(%(ids)s::bigint[]);

-- name: leave_to_earlier
-- Of an order of which somebody is at work on a part: whoever accepted one last is asked again.
WITH parts AS (
    SELECT id, number, ended_at FROM providers_fulfilment
    WHERE order_id = %(order)s AND handover = 'accepted' AND refill_id IS NULL
)
UPDATE providers_fulfilment SET superseded = false
WHERE id = (SELECT id FROM parts ORDER BY number DESC LIMIT 1)
  AND EXISTS (SELECT FROM parts WHERE ended_at IS NULL)
RETURNING id;
