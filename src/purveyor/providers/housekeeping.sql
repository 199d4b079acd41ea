-- name: release
-- Held orders that some provider could take now, oldest first. A route that refused the order itself does not count,
-- nor one that would leave less than its floor: the same arithmetic as in margin.py, multiplied out so that nothing
-- is divided. Where the two differed, orders would go to and fro between queue and hold. So would one of which a refill
-- is on its way: an order has one hand-over at a time that nobody knows the outcome of.
--
-- Orders of one service that were sold at one price wait or can go together, as far as providers and prices decide. So
-- first one step of the index for each such group finds those that move, however many orders wait; only of these some
-- are looked at one by one, each group's oldest. Of a group that may have more, none younger than the last looked at
-- goes before the rest of it. A group is written as a range because the planner would leave what is equal out of the
-- order, and read all that is held in order of the id.
WITH RECURSIVE held AS (
    SELECT first.* FROM unnest(%(reasons)s::text[]) AS reason (text) CROSS JOIN LATERAL (
        SELECT hold_reason, service_id, unit_price FROM orders_order
        WHERE dispatch = 'held' AND hold_reason = reason.text
        ORDER BY service_id, unit_price LIMIT 1
    ) AS first
    UNION ALL
    SELECT next.* FROM held CROSS JOIN LATERAL (
        SELECT hold_reason, service_id, unit_price FROM orders_order
        WHERE dispatch = 'held' AND hold_reason = held.hold_reason
          AND (service_id, unit_price) > (held.service_id, held.unit_price)
        ORDER BY service_id, unit_price LIMIT 1
    ) AS next
), moving AS MATERIALIZED (
    SELECT held.hold_reason, held.service_id, held.unit_price, service.type = ANY(%(packages)s::text[]) AS is_package,
           array_agg(route.id) AS routes, array_agg(route.margin_floor_percent) AS floors,
           array_agg(terms.price) AS prices, array_agg(terms.divisor) AS divisors,
           array_agg(provider.kind = 'api') AS are_panels
    FROM held
    JOIN catalog_service service ON service.id = held.service_id
    JOIN providers_route route ON route.service_id = held.service_id
    JOIN providers_providerservice offer ON offer.id = route.provider_service_id
    JOIN providers_provider provider ON provider.id = offer.provider_id
    CROSS JOIN LATERAL (
        SELECT offer.rate * provider.fx_rate * (100 + provider.fee_percent) AS price,
               100 + provider.top_up_bonus_percent AS divisor
    ) AS terms
    WHERE route.enabled AND offer.gone_at IS NULL AND NOT offer.price_in_doubt
      AND offer.provider_id = ANY(%(providers)s::bigint[])
      AND (route.margin_floor_percent IS NULL
           OR terms.price * 100 <= held.unit_price * (100 - route.margin_floor_percent) * terms.divisor)
    GROUP BY held.hold_reason, held.service_id, held.unit_price, service.id
), share AS (
    SELECT greatest(2 * %(limit)s::int / greatest(count(*), 1), %(fewest)s::int) AS of_group FROM moving
), oldest AS MATERIALIZED (
    SELECT moving.hold_reason, moving.service_id, moving.unit_price, oldest.id
    FROM moving CROSS JOIN LATERAL (
        SELECT orders.id FROM orders_order orders
        WHERE orders.dispatch = 'held' AND orders.hold_reason = moving.hold_reason
          AND (orders.service_id, orders.unit_price) >= (moving.service_id, moving.unit_price)
          AND (orders.service_id, orders.unit_price) <= (moving.service_id, moving.unit_price)
          AND EXISTS (
            SELECT FROM unnest(moving.routes, moving.floors, moving.prices, moving.divisors, moving.are_panels)
                AS open (route_id, floor_percent, price, divisor, is_panel)
            WHERE (orders.kind <> 'subscription' OR open.is_panel)
              AND (open.floor_percent IS NULL OR CASE
                WHEN orders.kind = 'subscription'
                THEN open.price <= trunc(orders.unit_price * (100 - open.floor_percent) * 0.01, 8) * open.divisor
                WHEN moving.is_package
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
          AND NOT EXISTS (
            SELECT FROM providers_fulfilment live
            WHERE live.order_id = orders.id AND live.handover IN ('sending', 'unknown')
          )
        ORDER BY orders.service_id, orders.unit_price, orders.id LIMIT (SELECT of_group FROM share)
    ) AS oldest
)
SELECT orders.id FROM orders_order orders
WHERE orders.dispatch = 'held' AND orders.hold_reason = ANY(%(reasons)s::text[]) AND orders.id = ANY(ARRAY(
    SELECT id FROM oldest
    WHERE id <= coalesce((
        SELECT min(last) FROM (
            SELECT max(id) AS last FROM oldest GROUP BY hold_reason, service_id, unit_price
            HAVING count(*) >= (SELECT of_group FROM share)
        ) AS cut
    ), 9223372036854775807)
    ORDER BY id LIMIT 2 * %(limit)s::int
))
ORDER BY orders.id LIMIT %(limit)s
FOR NO KEY UPDATE OF orders SKIP LOCKED;

-- name: release_same_link
-- Orders of a part of the held ones whose link was busy at the provider, some time after they were refused: longer each
-- time.
SELECT orders.id FROM orders_order orders
WHERE orders.dispatch = 'held' AND orders.id > %(after)s AND orders.id <= %(last)s
  AND orders.hold_reason = %(reason)s AND (
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
