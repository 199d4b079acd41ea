-- name: release
-- Held orders that some provider could take now, oldest first. A route that refused the order itself does not count.
-- The first condition says again what the second implies, of whole services: it spares most orders the second.
SELECT orders.id FROM orders_order orders
WHERE orders.dispatch = 'held' AND orders.hold_reason = ANY(%(reasons)s::text[]) AND orders.service_id IN (
    SELECT route.service_id FROM providers_route route
    JOIN providers_providerservice offer ON offer.id = route.provider_service_id
    WHERE route.enabled AND offer.gone_at IS NULL AND offer.provider_id = ANY(%(providers)s::bigint[])
) AND EXISTS (
    SELECT FROM providers_route route
    JOIN providers_providerservice offer ON offer.id = route.provider_service_id
    WHERE route.service_id = orders.service_id AND route.enabled AND offer.gone_at IS NULL
      AND offer.provider_id = ANY(%(providers)s::bigint[])
      AND NOT EXISTS (
        SELECT FROM providers_fulfilment refused
        WHERE refused.order_id = orders.id AND refused.route_id = route.id
          AND refused.refusal IN ('link', 'quantity')
      )
)
ORDER BY orders.id LIMIT %(limit)s
FOR NO KEY UPDATE OF orders SKIP LOCKED;

-- name: release_same_link
-- Orders whose link was busy at the provider, some time after they were refused: longer each time.
SELECT orders.id FROM orders_order orders
WHERE orders.dispatch = 'held' AND orders.hold_reason = %(reason)s AND (
    SELECT coalesce(max(tried.created_at) + interval '1 second' * least(
        %(wait)s * 2 ^ least(greatest(count(*) FILTER (WHERE tried.refusal = 'duplicate') - 1, 0), 20),
        %(longest_wait)s
    ) <= now(), true)
    FROM providers_fulfilment tried WHERE tried.order_id = orders.id
)
ORDER BY orders.id LIMIT %(limit)s
FOR NO KEY UPDATE OF orders SKIP LOCKED;

-- name: claim_sync
UPDATE providers_provider SET next_sync_at = now() + %(every)s * interval '1 second'
WHERE id = (
    SELECT id FROM providers_provider
    WHERE next_sync_at <= now() AND id = ANY(%(providers)s::bigint[])
    ORDER BY next_sync_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
)
RETURNING id;
