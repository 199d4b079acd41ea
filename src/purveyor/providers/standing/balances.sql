-- name: adopt
-- Providers that nobody has looked at yet; people who deliver by hand hold no money of ours.
INSERT INTO providers_balanceforecast (provider_id)
SELECT provider.id FROM providers_provider provider
WHERE provider.kind = 'api'
  AND NOT EXISTS (SELECT FROM providers_balanceforecast forecast WHERE forecast.provider_id = provider.id)
ON CONFLICT (provider_id) DO NOTHING;

-- name: claim
-- Forecasts to make, with what is known of the balance. By the statement's time, so that what was adopted just now is
-- due.
WITH due AS (
    SELECT provider_id FROM providers_balanceforecast
    WHERE next_look_at <= statement_timestamp()
    ORDER BY next_look_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE providers_balanceforecast forecast SET
    next_look_at = now() + %(every)s * interval '1 second', looked_at = now()
FROM due JOIN providers_provider provider ON provider.id = due.provider_id
WHERE forecast.provider_id = due.provider_id
RETURNING forecast.provider_id, provider.name, provider.currency, provider.balance, provider.balance_at,
          forecast.low_hours, forecast.low_amount, forecast.low_since IS NOT NULL AS was_low,
          provider.paused_reason = %(reason)s AS out_of_funds;

-- name: spending
-- What providers' orders of the last day cost in the provider's currency: true costs taken back by the terms that they
-- were frozen with, sum by sum, because terms change rarely. What was spent since the balance was told reaches back
-- further where that is longer ago, to a week.
SELECT wanted.provider_id, spent.last_hour, spent.last_six_hours, spent.last_day, spent.since_told
FROM unnest(%(providers)s::bigint[]) AS wanted (provider_id)
JOIN providers_provider provider ON provider.id = wanted.provider_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(last_hour * factor), 0) AS last_hour, coalesce(sum(last_six_hours * factor), 0)
               AS last_six_hours, coalesce(sum(last_day * factor), 0) AS last_day,
           coalesce(sum(since_told * factor), 0) AS since_told
    FROM (
        SELECT (100 + top_up_bonus_percent) / (fx_rate * (100 + fee_percent)) AS factor,
               sum(cost) FILTER (WHERE accepted_at > now() - interval '1 hour') AS last_hour,
               sum(cost) FILTER (WHERE accepted_at > now() - interval '6 hours') AS last_six_hours,
               sum(cost) FILTER (WHERE accepted_at > now() - interval '24 hours') AS last_day,
               sum(cost) FILTER (WHERE accepted_at > provider.balance_at) AS since_told
        FROM providers_fulfilment fulfilment
        WHERE fulfilment.provider_id = wanted.provider_id AND fulfilment.accepted_at > least(
            now() - interval '24 hours', greatest(provider.balance_at, now() - interval '7 days')
        )
        GROUP BY top_up_bonus_percent, fx_rate, fee_percent
    ) AS by_terms
) AS spent;

-- name: write
UPDATE providers_balanceforecast SET
    balance = told.balance, per_hour = told.per_hour, empty_at = now() + told.empty_after * interval '1 second',
    low_since = CASE WHEN told.is_low THEN coalesce(low_since, now()) END
FROM json_to_recordset(%(told)s::json) AS told (
    provider_id bigint, balance numeric, per_hour numeric, empty_after float8, is_low bool
)
WHERE providers_balanceforecast.provider_id = told.provider_id;

-- name: held_for_funds
-- Orders that wait for a top-up, and what they will cost by the list, in the currency of the provider they wait for:
-- the first open route whose provider is out of funds, else the first of all.
SELECT first.provider_id, count(*) AS orders,
       sum(CASE WHEN first.type = ANY(%(packages)s::text[]) THEN first.rate ELSE first.rate * orders.quantity / 1000 END)
           AS needed
FROM orders_order orders
JOIN (
    SELECT DISTINCT ON (route.service_id) route.service_id, offer.provider_id, offer.rate, service.type
    FROM providers_route route
    JOIN providers_providerservice offer ON offer.id = route.provider_service_id
    JOIN providers_provider provider ON provider.id = offer.provider_id
    JOIN catalog_service service ON service.id = route.service_id
    WHERE route.enabled AND offer.gone_at IS NULL
    ORDER BY route.service_id, provider.paused_reason <> %(reason)s, route.position, route.id
) AS first ON first.service_id = orders.service_id
WHERE orders.dispatch = 'held' AND orders.hold_reason = %(reason)s
GROUP BY first.provider_id;
