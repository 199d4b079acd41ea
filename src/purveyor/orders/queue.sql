-- name: claim
SELECT orders.id, orders.kind, orders.customer_id, orders.service_id, orders.link, orders.link_key,
       orders.quantity, orders.remains, orders.charge, orders.unit_price,
       orders.fields::json AS fields
FROM orders_order orders
WHERE orders.dispatch = 'queued' AND orders.id > %(after)s
ORDER BY orders.id LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED;

-- name: claim_of_services
-- The same of some services only: what waits of the others is not read. Twice as many are looked at as are wanted, for
-- another worker may hold the first of them. A service is written as a range because the planner would leave what is
-- equal out of the order, and read all that waits in order of the id.
SELECT orders.id, orders.kind, orders.customer_id, orders.service_id, orders.link, orders.link_key,
       orders.quantity, orders.remains, orders.charge, orders.unit_price,
       orders.fields::json AS fields
FROM orders_order orders
WHERE orders.dispatch = 'queued' AND orders.id = ANY(ARRAY(
    SELECT oldest.id FROM unnest(%(services)s::bigint[]) AS service (id)
    CROSS JOIN LATERAL (
        SELECT queued.id FROM orders_order queued
        WHERE queued.dispatch = 'queued' AND queued.service_id <= service.id
          AND (queued.service_id, queued.id) > (service.id, %(after)s::bigint)
        ORDER BY queued.service_id, queued.id LIMIT 2 * %(limit)s::int
    ) AS oldest
    ORDER BY oldest.id LIMIT 2 * %(limit)s::int
))
ORDER BY orders.id LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED;

-- name: waiting_services
-- Services of which orders are queued, with the oldest of each: one step of the index per service, however many wait.
WITH RECURSIVE waiting AS (
    (SELECT service_id, id FROM orders_order WHERE dispatch = 'queued' ORDER BY service_id, id LIMIT 1)
    UNION ALL
    SELECT next.service_id, next.id FROM waiting CROSS JOIN LATERAL (
        SELECT service_id, id FROM orders_order
        WHERE dispatch = 'queued' AND service_id > waiting.service_id
        ORDER BY service_id, id LIMIT 1
    ) AS next
)
SELECT service_id FROM waiting ORDER BY id;

-- name: hand
UPDATE orders_order SET dispatch = 'handed', hold_reason = '', waits_for_id = NULL WHERE id = ANY(%(ids)s::bigint[]);

-- name: hold
-- The ids are given twice because the planner knows the length of an array, but not of JSON rows.
UPDATE orders_order SET dispatch = 'held', hold_reason = held.reason
FROM json_to_recordset(%(held)s::json) AS held (id bigint, reason text)
WHERE orders_order.id = held.id AND orders_order.id = ANY(%(ids)s::bigint[]);

-- name: part_held
-- The next held orders after an id.
SELECT count(*) AS number, max(id) AS last FROM (
    SELECT id FROM orders_order WHERE dispatch = 'held' AND id > %(after)s ORDER BY id LIMIT %(most)s
) AS part;

-- name: part_in_line
-- The same of those that wait for another one with their link.
SELECT count(*) AS number, max(id) AS last FROM (
    SELECT id FROM orders_order
    WHERE dispatch = 'held' AND waits_for_id IS NOT NULL AND id > %(after)s ORDER BY id LIMIT %(most)s
) AS part;

-- name: part_waiting
-- The same of those that are held or queued.
SELECT count(*) AS number, max(id) AS last FROM (
    (SELECT id FROM orders_order WHERE dispatch = 'held' AND id > %(after)s ORDER BY id LIMIT %(most)s)
    UNION ALL
    (SELECT id FROM orders_order WHERE dispatch = 'queued' AND id > %(after)s ORDER BY id LIMIT %(most)s)
    ORDER BY id LIMIT %(most)s
) AS part;
