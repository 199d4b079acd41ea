-- name: cases
-- What was sent once more may have become the order as late as then.
SELECT fulfilment.id, fulfilment.order_id, fulfilment.provider_id, fulfilment.quantity,
       fulfilment.provider_rate, service.type, now() - sent.sent_at AS age,
       sent.sent_at, sent.over_at, sent.lease_until, sent.request,
       coalesce(offer.rate <= fulfilment.provider_rate AND offer.gone_at IS NULL, false) AS as_cheap,
       (orders.kind <> 'order' OR orders.remains > 0 OR fulfilment.refill_id IS NOT NULL) AND NOT EXISTS (
           SELECT FROM orders_cancelrequest request
           WHERE request.order_id = orders.id AND request.status = 'requested'
       ) AS is_wanted
FROM providers_fulfilment fulfilment
CROSS JOIN LATERAL (
    SELECT min(created_at) AS sent_at,
           greatest(max(coalesce(answered_at, lease_until)), fulfilment.repeated_until) AS over_at,
           max(lease_until) AS lease_until, (array_agg(request ORDER BY id DESC))[1]::json AS request
    FROM providers_attempt WHERE fulfilment_id = fulfilment.id
) AS sent
JOIN orders_order orders ON orders.id = fulfilment.order_id
JOIN catalog_service service ON service.id = orders.service_id
LEFT JOIN providers_route route ON route.id = fulfilment.route_id
LEFT JOIN providers_providerservice offer ON offer.id = route.provider_service_id
WHERE fulfilment.id = ANY(%(ids)s::bigint[]) AND fulfilment.handover = 'unknown' AND sent.sent_at IS NOT NULL
ORDER BY fulfilment.id;
