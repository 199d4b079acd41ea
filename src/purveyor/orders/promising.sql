-- name: promised
-- Of these orders, those of whose service something is promised. The time of a post's order begins after its delay. An
-- order that has ended is promised nothing: what is handed over of it is a refill. Looked up before it is asked what they
-- are: by that condition the planner would find an index of open orders, and step over all that ever were.
SELECT orders.id, coalesce(post.starts_at, orders.created_at) AS ordered_at, orders.quantity, service.type,
       promise.minutes, promise.per_thousand
FROM (
    SELECT id, service_id, kind, quantity, status, created_at FROM orders_order WHERE id = ANY(%(ids)s::bigint[]) OFFSET 0
) AS orders
JOIN orders_servicepromise promise ON promise.service_id = orders.service_id
JOIN catalog_service service ON service.id = orders.service_id
LEFT JOIN orders_fedpost post ON post.order_id = orders.id
WHERE orders.kind = 'order' AND orders.status IN ('Pending', 'Processing', 'In progress');

-- name: write
-- An order keeps its first promise, however often it is handed over.
INSERT INTO orders_orderpromise (order_id, promised_until)
SELECT order_id, promised_until
FROM json_to_recordset(%(promises)s::json) AS promise (order_id bigint, promised_until timestamptz)
ON CONFLICT (order_id) DO NOTHING;

-- name: waiting_without
-- Of a part of the orders that wait to be handed over, those that have no promise yet: held ones, and those that a busy
-- provider has left in the queue for a while. Where nothing is promised at all, nothing is read.
SELECT orders.id FROM (
    SELECT id, service_id FROM orders_order
    WHERE dispatch = 'held' AND id > %(after)s AND id <= %(last)s AND kind = 'order'
    UNION ALL
    SELECT id, service_id FROM orders_order
    WHERE dispatch = 'queued' AND id > %(after)s AND id <= %(last)s AND kind = 'order'
      AND created_at < now() - %(queued_for)s * interval '1 second'
) AS orders
WHERE EXISTS (SELECT FROM orders_servicepromise)
  AND orders.service_id IN (SELECT service_id FROM orders_servicepromise)
  AND NOT EXISTS (SELECT FROM orders_orderpromise promise WHERE promise.order_id = orders.id)
ORDER BY orders.id LIMIT %(limit)s;
