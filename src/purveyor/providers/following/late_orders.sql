-- name: claim
-- Promises whose time is over, each acted upon once. They are held before their orders: nobody ever waits for them.
SELECT promise.order_id FROM orders_orderpromise promise
WHERE promise.outcome = '' AND promise.promised_until <= now()
ORDER BY promise.promised_until LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED;

-- name: late
-- A statement of its own after the orders were locked, so that it sees what happened while we waited.
SELECT orders.id, orders.customer_id, orders.status_at, orders.status IN ('Completed', 'Partial', 'Canceled') AS ended,
       promise.promised_until, of_service.past
FROM orders_order orders
JOIN orders_orderpromise promise ON promise.order_id = orders.id
LEFT JOIN orders_servicepromise of_service ON of_service.service_id = orders.service_id
WHERE orders.id = ANY(%(ids)s::bigint[])
ORDER BY orders.id;

-- name: ask_to_stop
-- Whoever was asked last to deliver these orders, which the caller holds; people who deliver by hand see the event
-- instead. A wish that was refused goes again.
INSERT INTO providers_canceltask (fulfilment_id)
SELECT DISTINCT ON (fulfilment.order_id) fulfilment.id FROM providers_fulfilment fulfilment
JOIN providers_provider provider ON provider.id = fulfilment.provider_id AND provider.kind = 'api'
WHERE fulfilment.order_id = ANY(%(ids)s::bigint[]) AND fulfilment.handover = 'accepted'
  AND fulfilment.ended_at IS NULL AND NOT fulfilment.superseded AND fulfilment.refill_id IS NULL
ORDER BY fulfilment.order_id, fulfilment.number DESC
ON CONFLICT (fulfilment_id) DO UPDATE SET state = 'waiting', tries = 0, next_at = now()
    WHERE providers_canceltask.state = 'refused'
RETURNING (SELECT order_id FROM providers_fulfilment WHERE id = fulfilment_id) AS order_id;

-- name: settle
UPDATE orders_orderpromise SET outcome = told.outcome, settled_at = now()
FROM json_to_recordset(%(told)s::json) AS told (order_id bigint, outcome text)
WHERE orders_orderpromise.order_id = told.order_id AND orders_orderpromise.order_id = ANY(%(ids)s::bigint[]);

-- name: settle_asked
-- Questions that the end of their orders has answered.
UPDATE orders_orderpromise SET outcome = 'late', settled_at = now()
WHERE order_id IN (
    SELECT promise.order_id FROM orders_orderpromise promise
    JOIN orders_order orders ON orders.id = promise.order_id
    WHERE promise.outcome = 'asked' AND orders.status IN ('Completed', 'Partial', 'Canceled')
    ORDER BY promise.promised_until LIMIT %(limit)s FOR NO KEY UPDATE OF promise SKIP LOCKED
);
