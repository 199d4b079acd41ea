-- name: lock_customers
-- Every order of a customer is decided while their wallet is held: one after the other, in any process.
SELECT customer.id AS customer_id, customer.group_id, customer.status, wallet.id AS wallet_id,
       wallet.balance, wallet.floor
FROM accounts_customer customer
JOIN money_wallet wallet ON wallet.id = customer.wallet_id
WHERE customer.id = ANY(%(customers)s::bigint[])
ORDER BY wallet.id FOR UPDATE OF wallet;

-- name: open_links
-- A statement of its own after the lock, so that it sees what the transaction before us committed.
SELECT DISTINCT orders.customer_id, orders.link_key, orders.service_id
FROM unnest(%(customers)s::bigint[], %(link_keys)s::bigint[]) AS wanted (customer_id, link_key)
JOIN orders_order orders
    ON orders.customer_id = wanted.customer_id AND orders.link_key = wanted.link_key
    AND orders.status IN ('Pending', 'Processing', 'In progress')
WHERE orders.parent_id IS NULL;

-- name: earlier_by_idempotency_key
SELECT orders.customer_id, orders.idempotency_key, orders.id, orders.service_id, orders.link_key,
       orders.quantity, orders.fields
FROM unnest(%(customers)s::bigint[], %(keys)s::text[]) AS wanted (customer_id, idempotency_key)
JOIN orders_order orders
    ON orders.customer_id = wanted.customer_id AND orders.idempotency_key = wanted.idempotency_key;

-- name: insert_orders
WITH wanted AS (
    SELECT nextval('orders_order_id_seq') AS id, wanted.*
    FROM unnest(
        %(kinds)s::text[], %(sources)s::text[], %(customers)s::bigint[], %(services)s::bigint[],
        %(parents)s::bigint[], %(parts)s::int[], %(links)s::text[], %(link_keys)s::bigint[],
        %(quantities)s::bigint[], %(fields)s::jsonb[], %(unit_prices)s::numeric[], %(price_rules)s::text[],
        %(service_versions)s::int[], %(charges)s::numeric[], %(statuses)s::text[], %(dispatches)s::text[],
        %(idempotency_keys)s::text[]
    ) WITH ORDINALITY AS wanted (
        kind, source, customer_id, service_id, parent_id, part, link, link_key, quantity, fields, unit_price,
        price_rule, service_version, charge, status, dispatch, idempotency_key, place
    )
), made AS (
    INSERT INTO orders_order (
        id, kind, source, customer_id, service_id, parent_id, part, link, link_key, quantity, fields, unit_price,
        price_rule, service_version, currency, charge, refunded, status, dispatch, hold_reason, remains,
        idempotency_key
    )
    SELECT id, kind, source, customer_id, service_id, parent_id, part, link, link_key, quantity, fields,
           unit_price, price_rule, service_version, %(currency)s, charge, 0, status, dispatch, '', quantity,
           idempotency_key
    FROM wanted
)
SELECT id FROM wanted ORDER BY place;
