\set customer random(:first_customer, :last_customer)
\set wallet :customer + :wallet_offset
\set service random(:first_service, :last_service)
\set link random(1, 9000000000000000)
BEGIN;
UPDATE money_wallet SET balance = balance - 1.37 WHERE id = :wallet;
INSERT INTO orders_order (kind, source, customer_id, service_id, link, link_key, quantity, unit_price, price_rule, service_version, currency, charge, refunded, status, dispatch, hold_reason, remains) VALUES ('order', 'api', :customer, :service, 'https://example.com/baseline/' || :link::text, :link, 1000, 1.37, 'list', 1, 'USD', 1.37, 0, 'Pending', 'queued', '', 1000) RETURNING id \gset
INSERT INTO money_transfer (kind, cause_id, source_id, destination_id, amount) VALUES ('charge', :id, :wallet, 1, 1.37);
COMMIT;
