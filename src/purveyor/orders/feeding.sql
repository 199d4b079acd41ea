-- name: named
-- Fed subscriptions to an account that have not ended, of one service or of all.
SELECT subscription.order_id AS id FROM orders_subscription subscription
JOIN orders_order orders ON orders.id = subscription.order_id
WHERE subscription.live AND subscription.username_key = %(username_key)s
  AND (%(service)s::bigint IS NULL OR orders.service_id = %(service)s::bigint)
ORDER BY subscription.order_id;

-- name: wanted
-- Active ones after an id, with what is still to be served; new posts without end are null.
SELECT subscription.order_id AS id, orders.service_id, subscription.username,
       subscription.posts - subscription.posts_done AS posts,
       subscription.old_posts - subscription.old_posts_done AS old_posts
FROM orders_subscription subscription
JOIN orders_order orders ON orders.id = subscription.order_id
WHERE subscription.live AND subscription.order_id > %(after)s AND orders.status = 'Active'
ORDER BY subscription.order_id LIMIT %(limit)s;

-- name: due
-- Orders for posts whose delay is over. Those that were canceled meanwhile are not scheduled any more.
SELECT orders.id, orders.dispatch FROM orders_fedpost post
JOIN orders_order orders ON orders.id = post.order_id
WHERE post.waits AND post.starts_at <= now()
ORDER BY orders.id LIMIT %(limit)s FOR NO KEY UPDATE OF orders SKIP LOCKED;

-- name: run_out
SELECT orders.id FROM orders_subscription subscription
JOIN orders_order orders ON orders.id = subscription.order_id
WHERE subscription.live AND subscription.expiry < %(today)s AND orders.status IN ('Active', 'Paused')
ORDER BY orders.id LIMIT %(limit)s FOR NO KEY UPDATE OF orders SKIP LOCKED;
