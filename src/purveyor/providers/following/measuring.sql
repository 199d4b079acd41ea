-- name: adopt_services
-- Services that nobody has looked at yet.
INSERT INTO providers_servicetimes (service_id)
SELECT service.id FROM catalog_service service
WHERE NOT EXISTS (SELECT FROM providers_servicetimes times WHERE times.service_id = service.id)
LIMIT %(limit)s ON CONFLICT (service_id) DO NOTHING;

-- name: adopt_routes
INSERT INTO providers_routetimes (route_id)
SELECT route.id FROM providers_route route
WHERE NOT EXISTS (SELECT FROM providers_routetimes times WHERE times.route_id = route.id)
LIMIT %(limit)s ON CONFLICT (route_id) DO NOTHING;

-- name: claim_services
-- Services to look at, and whether an order of theirs was completed since the last look. A transaction that took
-- long may have shown its order only after a look that came later: so news reaches back somewhat. By the
-- statement's time, so that what was adopted just now is due.
WITH due AS (
    SELECT times.service_id, times.looked_at FROM providers_servicetimes times
    WHERE times.next_look_at <= statement_timestamp()
    ORDER BY times.next_look_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE providers_servicetimes times SET
    next_look_at = now() + %(every)s * interval '1 second', looked_at = now()
FROM due
WHERE times.service_id = due.service_id
RETURNING times.service_id AS id, (due.looked_at IS NULL OR EXISTS (
    SELECT FROM orders_order orders
    WHERE orders.service_id = due.service_id AND orders.status = 'Completed' AND orders.kind = 'order'
      AND orders.status_at >= due.looked_at - %(overlap)s * interval '1 second'
)) AS has_news;

-- name: claim_routes
-- The same of routes.
WITH due AS (
    SELECT times.route_id, times.looked_at FROM providers_routetimes times
    WHERE times.next_look_at <= statement_timestamp()
    ORDER BY times.next_look_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE providers_routetimes times SET
    next_look_at = now() + %(every)s * interval '1 second', looked_at = now()
FROM due
WHERE times.route_id = due.route_id
RETURNING times.route_id AS id, (due.looked_at IS NULL OR EXISTS (
    SELECT FROM providers_fulfilment fulfilment
    WHERE fulfilment.route_id = due.route_id
      AND fulfilment.ended_at >= due.looked_at - %(overlap)s * interval '1 second'
)) AS has_news;

-- name: deliveries_of_services
-- The latest completed orders of each service, latest first. An order that took several hand-overs began with the
-- first of them that did; the time of a post's order begins after its delay.
SELECT service.id, service.type, ended.quantity, ended.status_at - ended.ordered_at AS finished_after,
       (SELECT min(fulfilment.started_at) FROM providers_fulfilment fulfilment
        WHERE fulfilment.order_id = ended.id AND fulfilment.refill_id IS NULL) - ended.ordered_at AS started_after
FROM unnest(%(ids)s::bigint[]) AS wanted (service_id)
JOIN catalog_service service ON service.id = wanted.service_id
CROSS JOIN LATERAL (
    SELECT orders.id, orders.quantity, coalesce(post.starts_at, orders.created_at) AS ordered_at, orders.status_at
    FROM orders_order orders LEFT JOIN orders_fedpost post ON post.order_id = orders.id
    WHERE orders.service_id = wanted.service_id AND orders.status = 'Completed' AND orders.kind = 'order'
    ORDER BY orders.status_at DESC LIMIT %(most)s
) AS ended
ORDER BY service.id, ended.status_at DESC;

-- name: deliveries_of_routes
-- Among the latest hand-overs of each route that ended, those delivered whole: what was not costs less than expected.
SELECT wanted.route_id AS id, ended.ended_at - ended.accepted_at AS finished_after,
       ended.started_at - ended.accepted_at AS started_after
FROM unnest(%(ids)s::bigint[]) AS wanted (route_id)
CROSS JOIN LATERAL (
    SELECT fulfilment.* FROM providers_fulfilment fulfilment
    WHERE fulfilment.route_id = wanted.route_id AND fulfilment.ended_at IS NOT NULL
    ORDER BY fulfilment.ended_at DESC LIMIT %(most)s
) AS ended
JOIN orders_order orders ON orders.id = ended.order_id
WHERE ended.cost = ended.expected_cost AND ended.refill_id IS NULL AND orders.status = 'Completed';

-- name: write_services
UPDATE providers_servicetimes SET
    average = told.average * interval '1 second', start_p50 = told.start_p50 * interval '1 second',
    start_p90 = told.start_p90 * interval '1 second', finish_p50 = told.finish_p50 * interval '1 second',
    finish_p90 = told.finish_p90 * interval '1 second', measured = told.measured
FROM json_to_recordset(%(told)s::json) AS told (
    id bigint, average float8, start_p50 float8, start_p90 float8, finish_p50 float8, finish_p90 float8, measured int
)
WHERE providers_servicetimes.service_id = told.id;

-- name: write_routes
UPDATE providers_routetimes SET
    start_p50 = told.start_p50 * interval '1 second', start_p90 = told.start_p90 * interval '1 second',
    finish_p50 = told.finish_p50 * interval '1 second', finish_p90 = told.finish_p90 * interval '1 second',
    measured = told.measured
FROM json_to_recordset(%(told)s::json) AS told (
    id bigint, start_p50 float8, start_p90 float8, finish_p50 float8, finish_p90 float8, measured int
)
WHERE providers_routetimes.route_id = told.id;
