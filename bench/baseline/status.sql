\set order random(:first_order, :last_order)
SELECT customer_id, kind, status, charge - refunded AS charge, start_count, remains, currency FROM orders_order WHERE id = :order;
