-- name: routes
-- Every route of these services by position, whatever its provider's standing.
SELECT route.service_id, route.id AS route_id, offer.provider_id, offer.external_id, offer.rate, offer.min, offer.max,
       offer.price_in_doubt, route.margin_floor_percent, route.weight, quality.score,
       NOT route.enabled OR offer.gone_at IS NOT NULL AS closed
FROM providers_route route
JOIN providers_providerservice offer ON offer.id = route.provider_service_id
LEFT JOIN providers_routequality quality ON quality.route_id = route.id
WHERE route.service_id = ANY(%(services)s::bigint[])
ORDER BY route.service_id, route.position, route.id;

-- name: services
SELECT service.id, service.type, service.queue_same_link, coalesce(policy.policy, 'first') AS policy,
       coalesce(policy.sticky_per_link, false) AS sticky_per_link
FROM catalog_service service
LEFT JOIN providers_routepolicy policy ON policy.service_id = service.id
WHERE service.id = ANY(%(services)s::bigint[]);

-- name: last_of_link
-- The route of the last hand-over that was not refused, by link and service. Links are noted only while their service
-- wants to know.
SELECT link.service_id, link.link_key, last.route_id
FROM json_to_recordset(%(links)s::json) AS link (service_id bigint, link_key bigint)
CROSS JOIN LATERAL (
    SELECT fulfilment.route_id FROM providers_fulfilment fulfilment
    JOIN providers_route route ON route.id = fulfilment.route_id AND route.service_id = link.service_id
    WHERE fulfilment.link_key = link.link_key AND fulfilment.handover <> 'refused'
    ORDER BY fulfilment.id DESC LIMIT 1
) AS last;

-- name: earlier
-- What earlier hand-overs of these orders came to. Only link and quantity are about the order: every other refusal
-- may end differently the next time. One that was accepted left a rest, which is not given to the same route again.
SELECT order_id, max(number) AS last, count(*) FILTER (WHERE handover = 'accepted' AND refill_id IS NULL) AS accepted,
       array_remove(array_agg(CASE WHEN refusal IN ('link', 'quantity') THEN route_id END), NULL) AS refused_by,
       array_remove(array_agg(CASE WHEN refusal IN ('link', 'quantity') OR handover = 'accepted' THEN route_id END), NULL)
           AS used,
       (array_agg(refusal_text ORDER BY number DESC))[1] AS refusal_text,
       bool_or(handover IN ('sending', 'unknown')) AS is_live
FROM providers_fulfilment WHERE order_id = ANY(%(orders)s::bigint[])
GROUP BY order_id;

-- name: cancel_wishes
-- A statement of its own after the orders were claimed, so that it sees what was wished before.
SELECT order_id FROM orders_cancelrequest WHERE order_id = ANY(%(orders)s::bigint[]) AND status = 'requested';

-- name: subscriptions
SELECT order_id, username, min, max, posts, old_posts, delay_minutes, expiry
FROM orders_subscription WHERE order_id = ANY(%(orders)s::bigint[]);
