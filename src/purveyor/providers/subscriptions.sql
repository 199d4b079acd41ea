-- name: lock_subscription
SELECT fulfilment.id, fulfilment.order_id, fulfilment.provider_id, fulfilment.route_id,
       fulfilment.service_external_id, fulfilment.provider_rate, fulfilment.fx_rate, fulfilment.child_external_ids,
       fulfilment.ended_at, now() - fulfilment.accepted_at AS age, now() - fulfilment.ended_at AS since_end,
       now() AS now, provider.wallet_id, subscription.min, subscription.max
FROM providers_fulfilment fulfilment
JOIN providers_provider provider ON provider.id = fulfilment.provider_id
JOIN orders_subscription subscription ON subscription.order_id = fulfilment.order_id
WHERE fulfilment.id = %(id)s AND fulfilment.handover = 'accepted'
FOR NO KEY UPDATE OF fulfilment;

-- name: quantities_vary
SELECT subscription.min <> subscription.max AS vary FROM providers_fulfilment fulfilment
JOIN orders_subscription subscription ON subscription.order_id = fulfilment.order_id
WHERE fulfilment.id = %(id)s;

-- name: used_ids
SELECT external_id FROM providers_fulfilment
WHERE provider_id = %(provider)s AND external_id = ANY(%(external_ids)s::text[]) AND external_id <> '';

-- name: write_post
-- The hand-over of a post's order: the provider made it by itself, so it was accepted from the start.
INSERT INTO providers_fulfilment (
    order_id, number, provider_id, route_id, service_external_id, handover, quantity, provider_rate, fx_rate,
    expected_cost, cost, external_id, accepted_at, next_poll_at
) VALUES (
    %(order)s, 1, %(provider)s, %(route)s, %(service)s, 'accepted', %(quantity)s, %(rate)s, %(fx_rate)s,
    %(cost)s, %(cost)s, %(external_id)s, now(), now()
)
RETURNING id;

-- name: write_subscription
UPDATE providers_fulfilment SET
    provider_status = %(word)s, child_external_ids = %(children)s::varchar[], ended_at = %(ended_at)s,
    next_poll_at = now() + %(poll_after)s * interval '1 second'
WHERE id = %(id)s;

-- name: wish_to_cancel
INSERT INTO providers_canceltask (fulfilment_id, next_at) VALUES (%(id)s, now())
ON CONFLICT (fulfilment_id) DO NOTHING;
