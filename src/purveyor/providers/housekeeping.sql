-- name: release
-- Held orders that some provider could take now, oldest first. A route that refused the order itself does not count,
-- nor one that would leave less than its floor: the same arithmetic as in margin.py, multiplied out so that nothing
-- is divided. Where the two differed, orders would go to and fro between queue and hold.
WITH open AS MATERIALIZED (
    SELECT route.service_id, route.id AS route_id, route.margin_floor_percent AS floor_percent,
           offer.rate * provider.fx_rate * (100 + provider.fee_percent) AS price,
           100 + provider.top_up_bonus_percent AS divisor, provider.kind,
           service.type = ANY(%(packages)s::text[]) AS is_package
    FROM providers_route route
    JOIN providers_providerservice offer ON offer.id = route.provider_service_id
    JOIN providers_provider provider ON provider.id = offer.provider_id
    JOIN catalog_service service ON service.id = route.service_id
    WHERE route.enabled AND offer.gone_at IS NULL AND NOT offer.price_in_doubt
      AND offer.provider_id = ANY(%(providers)s::bigint[])
)
SELECT orders.id FROM orders_order orders
WHERE orders.dispatch = 'held' AND orders.hold_reason = ANY(%(reasons)s::text[]) AND EXISTS (
    SELECT FROM open
    WHERE open.service_id = orders.service_id AND (orders.kind <> 'subscription' OR open.kind = 'api')
      AND (open.floor_percent IS NULL OR CASE
        WHEN orders.kind = 'subscription'
        THEN open.price <= trunc(orders.unit_price * (100 - open.floor_percent) * 0.01, 8) * open.divisor
        WHEN open.is_package
        THEN open.price <= trunc(orders.charge * (100 - open.floor_percent) * 0.01, 8) * open.divisor
        ELSE open.price * orders.quantity
             <= trunc(orders.charge * (100 - open.floor_percent) * 0.01, 8) * open.divisor * 1000
      END)
      AND NOT EXISTS (
        SELECT FROM providers_fulfilment refused
        WHERE refused.order_id = orders.id AND refused.route_id = open.route_id
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
-- Moving `next_sync_at` on is the lease, longer than the two calls take.
UPDATE providers_provider SET
    next_sync_at = now() + (timeout_seconds + services_timeout_seconds + %(margin)s) * interval '1 second'
WHERE id = (
    SELECT id FROM providers_provider
    WHERE next_sync_at <= now() AND id = ANY(%(providers)s::bigint[])
    ORDER BY next_sync_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
)
RETURNING id, next_sync_at AS lease;
