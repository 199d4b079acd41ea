-- name: lock_subscription
SELECT fulfilment.id, fulfilment.order_id, fulfilment.provider_id, fulfilment.route_id,
       fulfilment.service_external_id, fulfilment.provider_rate, fulfilment.fx_rate, fulfilment.top_up_bonus_percent,
       fulfilment.fee_percent, fulfilment.child_external_ids, fulfilment.ended_at,
       now() - fulfilment.accepted_at AS age, now() - fulfilment.ended_at AS since_end,
       now() AS now, provider.wallet_id, provider.status_stretch AS stretch, fulfilment.polls,
       subscription.min, subscription.max, subscription.posts, subscription.old_posts
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
       parent.provider_rate, parent.fx_rate, parent.top_up_bonus_percent, parent.fee_percent, post.cost,
       post.cost, post.external_id, now(), now()
FROM providers_fulfilment parent,
     json_to_recordset(%(posts)s::json) AS post (order_id bigint, quantity bigint, cost numeric, external_id text)
WHERE parent.id = %(id)s
RETURNING id, cost;

-- name: write_subscription
UPDATE providers_fulfilment SET
    provider_status = %(word)s, child_external_ids = %(children)s::varchar[], ended_at = %(ended_at)s,
    next_poll_at = now() + %(poll_after)s * interval '1 second'
WHERE id = %(id)s;

-- name: wish_to_cancel
INSERT INTO providers_canceltask (fulfilment_id, next_at) VALUES (%(id)s, now())
ON CONFLICT (fulfilment_id) DO NOTHING;
