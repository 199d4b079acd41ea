-- name: holders
-- Open refills, and who has each now; nobody has those that wait for staff. Of one order, where it is told.
SELECT refill.id, refill.order_id, refill.status, refill.created_at, orders.quantity AS ordered, orders.charge,
       orders.link,
       service.type, service.id AS service_id, service.name AS service_name, service.refill_by,
       CASE
           WHEN EXISTS (SELECT FROM providers_deskjob job WHERE job.refill_id = refill.id AND job.state <> 'ended')
           THEN 'a desk'
           WHEN task.state <> 'refused' THEN 'its provider'
           WHEN EXISTS (
               SELECT FROM providers_fulfilment fulfilment
               WHERE fulfilment.refill_id = refill.id
                 AND (fulfilment.handover IN ('sending', 'unknown')
                      OR fulfilment.handover = 'accepted' AND fulfilment.ended_at IS NULL)
           ) THEN 'another provider'
           WHEN elsewhere.next_at IS NOT NULL THEN 'the queue'
           ELSE ''
       END AS holder,
       coalesce(nullif(elsewhere.reason, ''), task.response, '') AS reason
FROM orders_refill refill
JOIN orders_order orders ON orders.id = refill.order_id
JOIN catalog_service service ON service.id = orders.service_id
LEFT JOIN providers_refilltask task ON task.refill_id = refill.id
LEFT JOIN providers_refillelsewhere elsewhere ON elsewhere.refill_id = refill.id
WHERE refill.status IN ('Pending', 'In progress')
  AND (%(refill)s::bigint IS NULL OR refill.id = %(refill)s)
ORDER BY refill.id;

-- name: used
-- Routes that delivered parts of an order.
SELECT DISTINCT route_id FROM providers_fulfilment
WHERE order_id = %(order)s AND handover = 'accepted' AND route_id IS NOT NULL;

-- name: claim
-- Orders before what hangs on them, and none is waited for. By the statement's time, so that what was queued just now
-- is due.
SELECT elsewhere.refill_id, elsewhere.quantity, elsewhere.route_id, orders.id, orders.link, orders.service_id,
       orders.fields::json AS fields, service.type
FROM providers_refillelsewhere elsewhere
JOIN orders_refill refill ON refill.id = elsewhere.refill_id
JOIN orders_order orders ON orders.id = refill.order_id
JOIN catalog_service service ON service.id = orders.service_id
LEFT JOIN providers_route route ON route.id = elsewhere.route_id
LEFT JOIN providers_providerservice offer ON offer.id = route.provider_service_id
WHERE elsewhere.next_at <= statement_timestamp()
  AND coalesce(offer.provider_id <> ALL(%(full)s::bigint[]), true)
ORDER BY elsewhere.next_at LIMIT %(limit)s
FOR NO KEY UPDATE OF orders, elsewhere SKIP LOCKED;

-- name: earlier
-- A statement of its own after the lock, so that it sees what was handed over meanwhile.
SELECT order_id, max(number) AS last, bool_or(handover IN ('sending', 'unknown')) AS live
FROM providers_fulfilment WHERE order_id = ANY(%(orders)s::bigint[])
GROUP BY order_id;

-- name: handed
UPDATE providers_refillelsewhere SET next_at = NULL, reason = '' WHERE refill_id = ANY(%(ids)s::bigint[]);

-- name: wait
UPDATE providers_refillelsewhere SET reason = %(reason)s, next_at = now() + %(seconds)s * interval '1 second'
WHERE refill_id = %(id)s;
