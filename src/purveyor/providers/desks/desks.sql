-- name: put_on_desks
INSERT INTO providers_deskjob (desk_id, kind, fulfilment_id, service_id)
SELECT fulfilment.provider_id, 'order', fulfilment.id, orders.service_id
FROM providers_fulfilment fulfilment JOIN orders_order orders ON orders.id = fulfilment.order_id
WHERE fulfilment.id = ANY(%(fulfilments)s::bigint[])
ORDER BY fulfilment.id;

-- name: adopt_refills
-- Of orders that desks delivered; of several that did, whoever delivered most is asked. Staff have what no provider
-- is asked for.
INSERT INTO providers_deskjob (desk_id, kind, fulfilment_id, refill_id, service_id)
SELECT last.provider_id, 'refill', last.id, refill.id, orders.service_id
FROM orders_refill refill
JOIN orders_order orders ON orders.id = refill.order_id
JOIN catalog_service service ON service.id = orders.service_id AND service.refill_by <> 'hand'
CROSS JOIN LATERAL (
    SELECT fulfilment.id, fulfilment.provider_id FROM providers_fulfilment fulfilment
    WHERE fulfilment.order_id = refill.order_id AND fulfilment.handover = 'accepted' AND fulfilment.refill_id IS NULL
    ORDER BY fulfilment.delivered DESC NULLS LAST, fulfilment.number DESC LIMIT 1
) AS last
JOIN providers_provider provider ON provider.id = last.provider_id AND provider.kind = 'manual'
WHERE refill.status = 'Pending'
  AND NOT EXISTS (SELECT FROM providers_deskjob job WHERE job.refill_id = refill.id)
  AND NOT EXISTS (SELECT FROM providers_refilltask task WHERE task.refill_id = refill.id)
  AND NOT EXISTS (SELECT FROM providers_refillelsewhere elsewhere WHERE elsewhere.refill_id = refill.id)
ORDER BY refill.id
ON CONFLICT (refill_id) DO NOTHING;

-- name: unwanted
-- Jobs that nobody has begun, of orders that their customers wish to cancel.
SELECT job.id FROM orders_cancelrequest request
JOIN providers_fulfilment fulfilment
    ON fulfilment.order_id = request.order_id AND fulfilment.handover = 'accepted' AND fulfilment.started_at IS NULL
    AND NOT fulfilment.superseded AND fulfilment.refill_id IS NULL
JOIN providers_deskjob job ON job.fulfilment_id = fulfilment.id AND job.kind = 'order'
WHERE request.status = 'requested' AND job.state = 'new'
ORDER BY request.id LIMIT %(limit)s;

-- name: list
-- One page of a desk's jobs, oldest first. A job whose lease is over counts as new again. The states are tested
-- apart, so that each finds its index.
SELECT id FROM providers_deskjob
WHERE desk_id = %(desk)s AND id > %(after)s AND {state}
  AND (%(service)s::bigint IS NULL OR service_id = %(service)s) AND (%(kind)s = '' OR kind = %(kind)s)
ORDER BY id LIMIT %(limit)s;

-- name: jobs
-- Jobs with all that people need to do them.
SELECT job.id, job.kind, job.desk_id, job.fulfilment_id, coalesce(job.refill_id, fulfilment.refill_id) AS refill_id,
       job.service_id, job.state, job.worker,
       job.lease_seconds, job.leased_until, job.outcome, job.reason, job.created_at, job.ended_at, job.request_id,
       coalesce(job.leased_until > now(), true) AS is_leased,
       fulfilment.order_id, fulfilment.quantity, fulfilment.start_count, fulfilment.remains,
       fulfilment.provider_status, fulfilment.started_at, orders.link, orders.fields::json AS fields,
       service.name AS service_name, service.type, request.status AS cancel, request.id AS cancel_request_id
FROM providers_deskjob job
JOIN providers_fulfilment fulfilment ON fulfilment.id = job.fulfilment_id
JOIN orders_order orders ON orders.id = fulfilment.order_id
JOIN catalog_service service ON service.id = job.service_id
LEFT JOIN orders_cancelrequest request ON request.order_id = fulfilment.order_id
WHERE job.id = ANY(%(ids)s::bigint[])
ORDER BY job.id;

-- name: lock_job
-- After its order.
SELECT id FROM providers_deskjob WHERE id = %(id)s FOR NO KEY UPDATE;

-- name: renew_lease
-- A sign of life: the job stays theirs for as long again.
UPDATE providers_deskjob SET leased_until = now() + lease_seconds * interval '1 second'
WHERE id = %(id)s AND state = 'taken' AND worker = %(worker)s;

-- name: one_request_at_a_time
-- The same request twice at once: the second waits, and then finds what the first took.
SELECT pg_advisory_xact_lock(hashtextextended(%(desk)s || ' ' || %(request_id)s, 0));

-- name: taken_before
SELECT id FROM providers_deskjob
WHERE desk_id = %(desk)s AND request_id = %(request_id)s AND request_id <> '' AND worker = %(worker)s
ORDER BY id;

-- name: take
-- The longest abandoned first, then the oldest new ones. What somebody else is taking at this moment is passed over,
-- and so are jobs that nobody has begun and whose customer wishes to cancel: these end by themselves. An array and
-- a subquery with one row, because the planner knows their size: by a join it would read every hand-over.
WITH abandoned AS (
    SELECT id FROM providers_deskjob
    WHERE desk_id = %(desk)s AND state = 'taken' AND leased_until <= now()
      AND (%(service)s::bigint IS NULL OR service_id = %(service)s) AND (%(kind)s = '' OR kind = %(kind)s)
    ORDER BY leased_until LIMIT %(count)s FOR NO KEY UPDATE SKIP LOCKED
), fresh AS (
    SELECT job.id FROM providers_deskjob job
    WHERE job.desk_id = %(desk)s AND job.state = 'new'
      AND (%(service)s::bigint IS NULL OR job.service_id = %(service)s) AND (%(kind)s = '' OR job.kind = %(kind)s)
      AND (job.kind = 'refill' OR (
        SELECT fulfilment.started_at IS NULL AND EXISTS (
            SELECT FROM orders_cancelrequest request
            WHERE request.order_id = fulfilment.order_id AND request.status = 'requested'
        )
        FROM providers_fulfilment fulfilment WHERE fulfilment.id = job.fulfilment_id
      ) IS FALSE)
    ORDER BY job.id LIMIT (SELECT %(count)s - count(*) FROM abandoned) FOR NO KEY UPDATE OF job SKIP LOCKED
)
UPDATE providers_deskjob SET
    state = 'taken', worker = %(worker)s, request_id = %(request_id)s, lease_seconds = %(lease)s,
    leased_until = now() + %(lease)s::int * interval '1 second'
WHERE id = ANY(ARRAY(SELECT id FROM abandoned UNION ALL SELECT id FROM fresh))
RETURNING id;
