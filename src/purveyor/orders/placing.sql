-- name: lock_customers
-- Every order of a customer is decided while their wallet is held: one after the other, in any process. The
-- wallets are locked in order of id, so that two batches never wait for each other in a ring.
SELECT customer.id AS customer_id, customer.group_id, customer.status, wallet.id AS wallet_id,
       wallet.balance, wallet.floor
FROM (
    SELECT id, group_id, status, wallet_id FROM accounts_customer
    WHERE id = ANY(%(customers)s::bigint[]) ORDER BY wallet_id
) AS customer
CROSS JOIN LATERAL (
    SELECT id, balance, floor FROM money_wallet WHERE money_wallet.id = customer.wallet_id FOR UPDATE
) AS wallet;

-- name: open_links
-- A statement of its own after the lock, so that it sees what the transaction before us committed. The lateral
-- join makes it one index look-up per link: a planner that last counted the table while few orders were open
-- would otherwise read every open order there is.
SELECT wanted.customer_id, wanted.link_key, orders.service_id, count(*) AS number
FROM json_to_recordset(%(links)s::json) AS wanted (customer_id bigint, link_key bigint)
CROSS JOIN LATERAL (
    SELECT service_id FROM orders_order
    WHERE customer_id = wanted.customer_id AND link_key = wanted.link_key
        AND status IN ('Pending', 'Processing', 'In progress') AND parent_id IS NULL
    OFFSET 0
) AS orders
GROUP BY wanted.customer_id, wanted.link_key, orders.service_id;

-- name: earlier_by_idempotency_key
SELECT orders.customer_id, orders.idempotency_key, orders.id, orders.idempotency_digest
FROM json_to_recordset(%(keys)s::json) AS wanted (customer_id bigint, idempotency_key text)
CROSS JOIN LATERAL (
    SELECT customer_id, idempotency_key, id, idempotency_digest FROM orders_order
    WHERE customer_id = wanted.customer_id AND idempotency_key = wanted.idempotency_key
    OFFSET 0
) AS orders;

-- name: promised_to_subscriptions
-- What the posts still to come of these customers' live subscriptions may cost; of an endless one the next post.
SELECT orders.customer_id,
       sum(orders.unit_price * subscription.max / 1000
           * greatest(subscription.old_posts + coalesce(subscription.posts, 1) - posts.made, 0)) AS amount
FROM orders_order orders
JOIN orders_subscription subscription ON subscription.order_id = orders.id
CROSS JOIN LATERAL (SELECT count(*) AS made FROM orders_order WHERE parent_id = orders.id) AS posts
WHERE orders.customer_id = ANY(%(customers)s::bigint[]) AND orders.kind = 'subscription'
  AND orders.status IN ('Active', 'Paused')
GROUP BY orders.customer_id;

-- name: take_order_ids
-- Ahead of the orders, so that orders and charges can be written in one exchange. Taken while the customers are
-- held: of one customer's orders the later has the higher id.
SELECT nextval('orders_order_id_seq') AS id FROM generate_series(1, (SELECT %(count)s::int));

-- name: insert_orders
INSERT INTO orders_order (
    id, kind, source, customer_id, service_id, parent_id, part, link, link_key, quantity, fields, unit_price,
    price_rule, service_version, currency, charge, refunded, status, dispatch, hold_reason, remains,
    idempotency_key, idempotency_digest
)
SELECT id, kind, source, customer_id, service_id, parent_id, part, link, link_key, quantity, fields, unit_price,
       price_rule, service_version, %(currency)s, charge, 0, status, dispatch, '', quantity, idempotency_key,
       idempotency_digest
FROM json_to_recordset(%(orders)s::json) AS wanted (
    id bigint, kind text, source text, customer_id bigint, service_id bigint, parent_id bigint, part int,
    link text, link_key bigint, quantity bigint, fields jsonb, unit_price numeric, price_rule text,
    service_version int, charge numeric, status text, dispatch text, idempotency_key text,
    idempotency_digest bigint
);
