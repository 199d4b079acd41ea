-- name: routes
-- Every open route of these services, in order of preference, whatever its provider's standing.
SELECT route.service_id, route.id AS route_id, offer.provider_id, offer.external_id, offer.rate, offer.min, offer.max,
       offer.price_in_doubt, route.margin_floor_percent
FROM providers_route route
JOIN providers_providerservice offer ON offer.id = route.provider_service_id
WHERE route.service_id = ANY(%(services)s::bigint[]) AND route.enabled AND offer.gone_at IS NULL
ORDER BY route.service_id, route.position, route.id;

-- name: types
SELECT id, type, queue_same_link FROM catalog_service WHERE id = ANY(%(services)s::bigint[]);

-- name: earlier
-- What earlier hand-overs of these orders came to. Only link and quantity are about the order: every other refusal
-- may end differently the next time. One that was accepted left a rest, which is not given to the same route again.
SELECT order_id, max(number) AS last, count(*) FILTER (WHERE handover = 'accepted' AND refill_id IS NULL) AS accepted,
       array_remove(array_agg(CASE WHEN refusal IN ('link', 'quantity') THEN route_id END), NULL) AS refused_by,
       array_remove(array_agg(CASE WHEN refusal IN ('link', 'quantity') OR handover = 'accepted' THEN route_id END), NULL)
           AS used,
       (array_agg(refusal_text ORDER BY number DESC))[1] AS refusal_text
FROM providers_fulfilment WHERE order_id = ANY(%(orders)s::bigint[])
GROUP BY order_id;

-- name: cancel_wishes
-- A statement of its own after the orders were claimed, so that it sees what was wished before.
SELECT order_id FROM orders_cancelrequest WHERE order_id = ANY(%(orders)s::bigint[]) AND status = 'requested';

-- name: subscriptions
SELECT order_id, username, min, max, posts, old_posts, delay_minutes, expiry
FROM orders_subscription WHERE order_id = ANY(%(orders)s::bigint[]);
