-- name: customers
-- Each with a wallet and the credit that filled it.
WITH person AS (
    INSERT INTO accounts_user (password, is_superuser, email, name, is_staff, is_active)
    SELECT '!', false, 'customer-' || number || '@bench.example', '', false, true
    FROM generate_series(1, %(customers)s::int) AS number
    RETURNING id, email
), wallet AS (
    INSERT INTO money_wallet (kind, name, balance, floor)
    SELECT 'customer', email, %(credit)s::numeric, 0 FROM person
    RETURNING id, name
), reason AS (
    INSERT INTO money_adjustment (reason, actor)
    SELECT 'Opening credit of ' || name, 'benchmark' FROM wallet
    RETURNING id, reason
), transfer AS (
    INSERT INTO money_transfer (kind, cause_id, source_id, destination_id, amount)
    SELECT 'credit', reason.id, house.id, wallet.id, %(credit)s::numeric
    FROM money_wallet house, wallet JOIN reason ON reason.reason = 'Opening credit of ' || wallet.name
    WHERE house.kind = 'house' AND house.name = 'Adjustments'
)
INSERT INTO accounts_customer (user_id, wallet_id, status)
SELECT person.id, wallet.id, 'active' FROM person JOIN wallet ON wallet.name = person.email
ORDER BY person.id;

-- name: customer_ids
SELECT id, wallet_id FROM accounts_customer ORDER BY id;

-- name: keys
INSERT INTO accounts_apikey (customer_id, name, prefix, digest)
SELECT %(first_customer)s + number - 1, 'benchmark', left(text, 8), sha256(text::bytea)
FROM unnest(%(keys)s::text[]) WITH ORDINALITY AS listed (text, number);

-- name: categories
INSERT INTO catalog_category (name, position, enabled)
SELECT 'Placements, section ' || number, number, true FROM generate_series(1, %(categories)s::int) AS number;

-- name: services
-- Rates have five decimals, as rates of real catalogues do; names are as long as theirs.
INSERT INTO catalog_service (category_id, name, description, type, rate, min, max, refill, refill_days, cancel,
                             dripfeed, enabled, position, version, updated_at)
SELECT (SELECT id FROM catalog_category ORDER BY id OFFSET number %% %(categories)s::int LIMIT 1),
       'Sponsored placement ' || number || ' | start within 6 hours | up to 50K a day | refill 30 days',
       'Shown in the section until the ordered number is reached.', 'Default',
       round((0.2 + number * 0.00137)::numeric, 5), 100, 1000000, number %% 2 = 0,
       CASE WHEN number %% 2 = 0 THEN 30 END, number %% 3 = 0, number %% 5 = 0, true, number, 1, now()
FROM generate_series(1, %(services)s::int) AS number;

-- name: old_orders
-- Finished orders, by each customer in turn, each charged by its transfer. They need no hand-over to a provider:
-- nothing that is measured reads one.
WITH placed AS (
    INSERT INTO orders_order (id, kind, source, customer_id, service_id, link, link_key, quantity, unit_price,
                              price_rule, service_version, currency, charge, refunded, status, dispatch,
                              hold_reason, start_count, remains, created_at, status_at)
    SELECT number, 'order', 'api', %(first_customer)s + (number - %(origin)s) %% %(customers)s,
           %(first_service)s + number %% %(services)s, 'https://example.com/old/' || number,
           hashint8extended(number, 0), 1000, 1.37, 'list', 1, 'USD', 1.37, 0, 'Completed', 'never', '',
           1234, 0, moment, moment
    FROM (SELECT number, now() - interval '1 year' * (%(end)s - number) / %(end)s AS moment
          FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS number) AS numbers
    RETURNING id, customer_id, charge, created_at
)
INSERT INTO money_transfer (kind, cause_id, source_id, destination_id, amount, created_at)
SELECT 'charge', placed.id, placed.customer_id + %(wallet_offset)s, house.id, placed.charge, placed.created_at
FROM placed, money_wallet house WHERE house.kind = 'house' AND house.name = 'Revenue'
ORDER BY placed.id;

-- name: debit_old_orders
UPDATE money_wallet SET balance = balance - spent.amount
FROM (SELECT source_id, sum(amount) AS amount FROM money_transfer WHERE kind = 'charge' GROUP BY source_id) AS spent
WHERE money_wallet.id = spent.source_id;

-- name: continue_order_ids
SELECT setval(pg_get_serial_sequence('orders_order', 'id'), %(last)s);

-- name: queue_orders
-- Lets finished orders wait to be handed over, as if they had just been placed.
UPDATE orders_order SET dispatch = 'queued', status = 'Pending', remains = quantity, start_count = NULL;

-- name: accepted
SELECT count(*) FROM providers_fulfilment WHERE handover = 'accepted';
