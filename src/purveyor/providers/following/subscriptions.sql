-- name: lock_subscription
-- With what its next post costs, as listed now: a subscription lasts for months, and its provider charges each post at
-- the rate of its day. One that is listed no more goes on at the rate of its hand-over.
SELECT fulfilment.id, fulfilment.order_id, fulfilment.provider_id, fulfilment.provider_rate,
       fulfilment.child_external_ids, fulfilment.provider_status, fulfilment.ended_at,
       now() - fulfilment.accepted_at AS age, now() - fulfilment.ended_at AS since_end,
       now() AS now, provider.wallet_id, provider.status_stretch AS stretch, fulfilment.polls, fulfilment.poll_together,
       subscription.min, subscription.max, subscription.posts, subscription.old_posts, orders.customer_id,
       orders.unit_price,
       coalesce(offer.rate, fulfilment.provider_rate) AS rate, provider.fx_rate, provider.top_up_bonus_percent,
       provider.fee_percent, route.margin_floor_percent
FROM providers_fulfilment fulfilment
JOIN providers_provider provider ON provider.id = fulfilment.provider_id
JOIN orders_order orders ON orders.id = fulfilment.order_id
JOIN orders_subscription subscription ON subscription.order_id = fulfilment.order_id
LEFT JOIN providers_route route ON route.id = fulfilment.route_id
LEFT JOIN providers_providerservice offer ON offer.provider_id = fulfilment.provider_id
    AND offer.external_id = fulfilment.service_external_id AND offer.gone_at IS NULL
WHERE fulfilment.id = %(id)s AND fulfilment.handover = 'accepted'
FOR NO KEY UPDATE OF fulfilment;

-- name: quantities_vary
SELECT subscription.min <> subscription.max AS vary FROM providers_fulfilment fulfilment
JOIN orders_subscription subscription ON subscription.order_id = fulfilment.order_id
WHERE fulfilment.id = %(id)s;

-- name: used_ids
SELECT external_id FROM providers_fulfilment
WHERE provider_id = %(provider)s AND external_id = ANY(%(external_ids)s::text[]) AND external_id <> '';

-- name: made
-- What has become of a subscription whose order is held.
SELECT count(*) FILTER (WHERE fields @> '{"old": true}') AS old,
       count(*) FILTER (WHERE fields IS NULL OR NOT fields @> '{"old": true}') AS new, coalesce(max(part), 0) AS last
FROM orders_order WHERE parent_id = %(order)s;

-- name: write_posts
-- The hand-overs of posts' orders: the provider made them by itself, so they were accepted from the start.
INSERT INTO providers_fulfilment (
    order_id, number, provider_id, route_id, service_external_id, handover, quantity, provider_rate, fx_rate,
    top_up_bonus_percent, fee_percent, expected_cost, cost, external_id, accepted_at, next_poll_at
)
SELECT post.order_id, 1, parent.provider_id, parent.route_id, parent.service_external_id, 'accepted', post.quantity,
       %(rate)s, %(fx_rate)s, %(bonus_percent)s, %(fee_percent)s, post.cost, post.cost, post.external_id, now(), now()
FROM providers_fulfilment parent,
     json_to_recordset(%(posts)s::json) AS post (order_id bigint, quantity bigint, cost numeric, external_id text)
WHERE parent.id = %(id)s
RETURNING id, cost;

-- name: write_subscription
UPDATE providers_fulfilment SET
    provider_status = %(word)s, poll_together = %(poll_together)s, child_external_ids = %(children)s::varchar[],
    ended_at = %(ended_at)s,
    next_poll_at = now() + %(poll_after)s * interval '1 second'
WHERE id = %(id)s;

-- name: wish_to_cancel
INSERT INTO providers_canceltask (fulfilment_id, next_at) VALUES (%(id)s, now())
ON CONFLICT (fulfilment_id) DO NOTHING;
