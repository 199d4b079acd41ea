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
-- Names are as long and as varied as in real catalogues, so that they compress like them; rates have five decimals.
WITH words AS (
    SELECT string_to_array('Sponsored placement,Newsletter slot,Ad impressions,Survey answers,Banner week,Podcast '
               'mention,Transcription minutes,Translated words,Search listing,Press release,Catalogue insert', ',') AS things,
           string_to_array('Argentina,Australia,Austria,Belgium,Brazil,Canada,Chile,Colombia,Denmark,Egypt,Finland,'
               'France,Germany,Greece,India,Indonesia,Italy,Japan,Kenya,Korea,Mexico,Morocco,Netherlands,Nigeria,'
               'Norway,Peru,Poland,Portugal,Spain,Sweden,Thailand,Turkey,Ukraine,United Kingdom,Vietnam', ',') AS places,
           string_to_array('mixed readers,students,parents,engineers,home owners,travellers,gardeners,musicians,cooks,'
               'cyclists,photographers,small businesses,teachers,runners,collectors', ',') AS readers,
           string_to_array('instant start,start within an hour,start 0-6 h,start 0-24 h,starts on Monday', ',') AS starts,
           string_to_array('no refill,refill 7 days,refill 30 days,refill 90 days,refill 365 days', ',') AS refills
), numbers AS (
    SELECT number, abs(hashint4(number)) AS a, abs(hashint4(number + 1000000)) AS b,
           abs(hashint4(number + 2000000)) AS c
    FROM generate_series(1, %(services)s::int) AS number
)
INSERT INTO catalog_service (category_id, name, description, type, rate, min, max, refill, refill_days, cancel,
                             dripfeed, enabled, position, version, updated_at)
SELECT (SELECT id FROM catalog_category ORDER BY id OFFSET number %% %(categories)s::int LIMIT 1),
       things[1 + a %% cardinality(things)] || ' | ' || places[1 + b %% cardinality(places)] || ', '
           || readers[1 + c %% cardinality(readers)] || ' | up to ' || (1 + a %% 97) * 500 || ' a day | '
           || starts[1 + b %% cardinality(starts)] || ' | ' || refills[1 + c %% cardinality(refills)],
       'Shown until the ordered number is reached.', 'Default', round((0.05 + (a %% 500000) * 0.00001)::numeric, 5),
       (1 + a %% 10) * 10, (1 + b %% 200) * 5000, number %% 2 = 0, CASE WHEN number %% 2 = 0 THEN 30 END,
       number %% 3 = 0, number %% 5 = 0, true, number, 1, now()
FROM numbers, words;

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

-- name: empty_queue
-- Nothing is left to hand over, and asking about what was is not rationed.
WITH provider AS (UPDATE providers_provider SET status_calls_per_minute = NULL)
UPDATE orders_order SET dispatch = 'held', hold_reason = 'Not part of the measurement' WHERE dispatch = 'queued';

-- name: all_due
UPDATE providers_fulfilment SET next_poll_at = now() WHERE handover = 'accepted' AND ended_at IS NULL;

-- name: polls
SELECT sum(polls) FROM providers_fulfilment;

-- name: accepted
SELECT count(*) FROM providers_fulfilment WHERE handover = 'accepted';
