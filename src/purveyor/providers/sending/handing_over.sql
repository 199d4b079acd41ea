-- name: usable_services
-- Of these services, those whose orders may go to somebody, and whether that one has no room now, so that they do not
-- hide the orders of others. Where the choice is another one for each order, nobody has room only when all are full. A
-- route on which the service itself, at its list price, keeps too little is nobody's choice. This is a forecast from
-- the service alone: what it gets wrong, the claim itself finds out.
SELECT service_id,
       coalesce(bool_and(is_full) FILTER (WHERE keeps_floor AND (varies OR preference = 1)), false) AS is_full
FROM (
    SELECT usable.*, row_number() OVER (
        PARTITION BY service_id, keeps_floor
        ORDER BY CASE policy WHEN 'cheapest' THEN price / divisor WHEN 'score' THEN -score END, position, route_id
    ) AS preference
    FROM (
        SELECT route.service_id, route.id AS route_id, route.position, policy.policy,
               offer.provider_id = ANY(%(full)s::bigint[]) AS is_full,
               coalesce(policy.sticky_per_link OR policy.policy = 'weight', false) AS varies,
               coalesce(quality.score, %(neutral_score)s)::numeric AS score,
               terms.price, terms.divisor,
               route.margin_floor_percent IS NULL
                   OR terms.price * 100 <= service.rate * (100 - route.margin_floor_percent) * terms.divisor AS keeps_floor
        FROM providers_route route
        JOIN providers_providerservice offer ON offer.id = route.provider_service_id
        JOIN providers_provider provider ON provider.id = offer.provider_id
        JOIN catalog_service service ON service.id = route.service_id
        LEFT JOIN providers_routepolicy policy ON policy.service_id = route.service_id
        LEFT JOIN providers_routequality quality ON quality.route_id = route.id AND policy.policy = 'score'
        CROSS JOIN LATERAL (
            SELECT offer.rate * provider.fx_rate * (100 + provider.fee_percent) AS price,
                   100 + provider.top_up_bonus_percent AS divisor
        ) AS terms
        WHERE route.enabled AND offer.gone_at IS NULL AND NOT offer.price_in_doubt
          AND offer.provider_id = ANY(%(sendable)s::bigint[])
          AND route.service_id = ANY(%(services)s::bigint[])
    ) AS usable
) AS choices
GROUP BY service_id;

-- name: write_hand_overs
-- The lease is counted by the database's clock, the only one that all workers share.
WITH wanted AS (
    SELECT nextval('providers_fulfilment_id_seq') AS fulfilment_id, nextval('providers_attempt_id_seq') AS attempt_id,
           wanted.*
    FROM json_to_recordset(%(hand_overs)s::json) AS wanted (
        place int, order_id bigint, number int, provider_id bigint, route_id bigint, external_id text, quantity bigint,
        part bigint, refill_id bigint, rate numeric, fx_rate numeric, bonus_percent numeric, fee_percent numeric,
        cost numeric,
        decision jsonb, link_key bigint, lease_seconds float8, request jsonb
    )
), fulfilments AS (
    INSERT INTO providers_fulfilment (
        id, order_id, number, provider_id, route_id, service_external_id, quantity, wanted, refill_id,
        provider_rate, fx_rate, top_up_bonus_percent, fee_percent, expected_cost, decision, link_key
    )
    SELECT fulfilment_id, order_id, number, provider_id, route_id, external_id, quantity, part, refill_id, rate,
           fx_rate,
           bonus_percent, fee_percent, cost, decision, link_key
    FROM wanted
), attempts AS (
    INSERT INTO providers_attempt (id, fulfilment_id, lease_until, request)
    SELECT attempt_id, fulfilment_id, now() + lease_seconds * interval '1 second', request FROM wanted
)
SELECT wanted.fulfilment_id, wanted.attempt_id, coalesce(route_times.finish_p50, service_times.finish_p50) AS usual
FROM wanted
LEFT JOIN providers_route route ON route.id = wanted.route_id
LEFT JOIN providers_routetimes route_times ON route_times.route_id = route.id
LEFT JOIN providers_servicetimes service_times ON service_times.service_id = route.service_id
ORDER BY wanted.place;
