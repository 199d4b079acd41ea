-- name: adopt
-- Routes that nobody has measured yet.
INSERT INTO providers_routequality (route_id)
SELECT route.id FROM providers_route route
WHERE NOT EXISTS (SELECT FROM providers_routequality quality WHERE quality.route_id = route.id)
LIMIT %(limit)s ON CONFLICT (route_id) DO NOTHING;

-- name: claim
-- Routes whose turn it is, and whether there is anything to measure: news since the last time, or a last time so long
-- ago that what it saw is over. A transaction that took long may have shown its end only after a look that came later,
-- so news reaches back somewhat. By the statement's time, so that what was adopted just now is due.
WITH due AS (
    SELECT quality.route_id, quality.measured_at FROM providers_routequality quality
    WHERE quality.next_at <= statement_timestamp()
    ORDER BY quality.next_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE providers_routequality quality SET next_at = now() + %(every)s * interval '1 second'
FROM due
WHERE quality.route_id = due.route_id
RETURNING quality.route_id, (
    due.measured_at IS NULL OR due.measured_at < now() - %(stale)s * interval '1 second'
    OR due.measured_at - %(overlap)s * interval '1 second' <= greatest(
        (SELECT max(fulfilment.ended_at) FROM providers_fulfilment fulfilment
         WHERE fulfilment.route_id = due.route_id AND fulfilment.ended_at IS NOT NULL),
        (SELECT max(fulfilment.created_at) FROM providers_fulfilment fulfilment
         WHERE fulfilment.route_id = due.route_id
           AND (fulfilment.handover IN ('refused', 'unknown') OR NOT fulfilment.settled_by = ''))
    )
) IS TRUE AS has_news;

-- name: ended
-- The latest ended hand-overs of each route. Refills are those that the same provider was asked for. People are asked
-- by no task: of what they deliver, the customer's own wish tells that a cancel was asked for, and their jobs tell of
-- refills.
SELECT wanted.route_id, ended.provider_status, ended.quantity, ended.provider_charge, ended.expected_cost,
       ended.fx_rate, ended.top_up_bonus_percent, ended.fee_percent, ended.created_at, service.type,
       extract(epoch FROM ended.started_at - ended.accepted_at)::float8 AS started_after,
       extract(epoch FROM ended.ended_at - ended.accepted_at)::float8 AS ended_after,
       EXISTS (SELECT FROM providers_canceltask task WHERE task.fulfilment_id = ended.id)
           OR NOT ended.superseded AND EXISTS (
               SELECT FROM orders_cancelrequest request WHERE request.order_id = ended.order_id AND request.status = 'done'
           ) AS cancel_asked,
       ended.settled_by <> '' AS was_unknown, refills.done AS refills_done, refills.rejected AS refills_rejected
FROM unnest(%(routes)s::bigint[]) AS wanted (route_id)
JOIN providers_route route ON route.id = wanted.route_id
JOIN catalog_service service ON service.id = route.service_id
CROSS JOIN LATERAL (
    SELECT fulfilment.* FROM providers_fulfilment fulfilment
    WHERE fulfilment.route_id = wanted.route_id AND fulfilment.ended_at >= now() - %(days)s * interval '1 day'
    ORDER BY fulfilment.ended_at DESC LIMIT %(most)s
) AS ended
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE refill.status = 'Completed') AS done,
           count(*) FILTER (WHERE refill.status = 'Rejected') AS rejected
    FROM (
        SELECT task.refill_id FROM providers_refilltask task WHERE task.fulfilment_id = ended.id
        UNION ALL
        SELECT job.refill_id FROM providers_deskjob job WHERE job.fulfilment_id = ended.id AND job.kind = 'refill'
    ) AS asked JOIN orders_refill refill ON refill.id = asked.refill_id
) AS refills;

-- name: troubled
-- Of each route since a time: hand-overs that brought no definite answer, among the latest that were not simply taken.
SELECT wanted.route_id, count(*) AS number
FROM json_to_recordset(%(since)s::json) AS wanted (route_id bigint, since timestamptz)
CROSS JOIN LATERAL (
    SELECT fulfilment.handover, fulfilment.settled_by, fulfilment.refusal FROM providers_fulfilment fulfilment
    WHERE fulfilment.route_id = wanted.route_id AND fulfilment.created_at >= wanted.since
      AND (fulfilment.handover IN ('refused', 'unknown') OR NOT fulfilment.settled_by = '')
    ORDER BY fulfilment.created_at DESC LIMIT %(most)s
) AS not_simply_taken
WHERE handover = 'unknown' OR settled_by <> '' OR refusal = ANY(%(down)s::text[])
GROUP BY wanted.route_id;

-- name: write
UPDATE providers_routequality quality SET
    orders = told.orders, start_seconds = told.start_seconds, finish_seconds_per_1000 = told.finish_seconds_per_1000,
    partial_percent = told.partial_percent, cancel_percent = told.cancel_percent,
    refill_success_percent = told.refill_success_percent, cost_drift_percent = told.cost_drift_percent,
    uptime_percent = told.uptime_percent, score = told.score, measured_at = now()
FROM json_to_recordset(%(told)s::json) AS told (
    route_id bigint, orders int, start_seconds float8, finish_seconds_per_1000 float8, partial_percent float8,
    cancel_percent float8, refill_success_percent float8, cost_drift_percent float8, uptime_percent float8, score float8
)
WHERE quality.route_id = told.route_id;
