-- name: lock_providers
-- Before their services and routes, as an import does.
SELECT id FROM providers_provider
WHERE id IN (SELECT provider_id FROM providers_fulfilment WHERE id = ANY(%(fulfilments)s::bigint[]))
ORDER BY id FOR NO KEY UPDATE;

-- name: offers
-- What was bought by these hand-overs, as it is listed now. Of a subscription whose posts differ in quantity the
-- quantity itself was read from the charge, which therefore proves nothing.
SELECT fulfilment.id AS fulfilment_id, fulfilment.order_id, fulfilment.provider_id, fulfilment.quantity,
       fulfilment.service_external_id AS external_id, offer.id AS offer_id, offer.rate, service.type,
       CASE WHEN fulfilment.wanted IS NULL THEN orders.charge
            ELSE orders.charge * fulfilment.wanted / orders.quantity END AS charge,
       route.id AS route_id, route.margin_floor_percent, subscription.order_id IS NOT NULL AS is_post,
       coalesce(fulfilment.created_at > offer.price_doubted_at
           AND fulfilment.created_at < offer.price_doubted_at + %(remembered)s * interval '1 second', false)
           AS sent_after_doubt
FROM providers_fulfilment fulfilment
JOIN orders_order orders ON orders.id = fulfilment.order_id
JOIN catalog_service service ON service.id = orders.service_id
LEFT JOIN providers_providerservice offer ON offer.provider_id = fulfilment.provider_id
    AND offer.external_id = fulfilment.service_external_id AND offer.gone_at IS NULL
LEFT JOIN providers_route route ON route.id = fulfilment.route_id
LEFT JOIN orders_subscription subscription ON subscription.order_id = orders.parent_id
WHERE fulfilment.id = ANY(%(fulfilments)s::bigint[])
  AND (subscription.order_id IS NULL OR subscription.min = subscription.max)
ORDER BY fulfilment.id;

-- name: read_list_early
UPDATE providers_provider SET next_sync_at = greatest(now(), listed_at + %(fresh)s * interval '1 second')
WHERE id = %(provider)s AND next_sync_at > greatest(now(), listed_at + %(fresh)s * interval '1 second');

-- name: doubt_price
-- The first doubt stays: what is sent after it, and after the list was read again, is the list's second chance.
UPDATE providers_providerservice SET price_in_doubt = true, price_doubted_at = CASE
    WHEN price_doubted_at > now() - %(remembered)s * interval '1 second' THEN price_doubted_at ELSE now()
END
WHERE id = %(offer)s;

-- name: close_routes
UPDATE providers_route SET enabled = false, closed_reason = %(reason)s
WHERE id = ANY(%(routes)s::bigint[]) AND enabled
RETURNING id;
