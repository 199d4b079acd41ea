-- name: claim
-- Unknown outcomes to look into now. Moving `next_look_at` on is the lease, as in following.
WITH due AS (
    SELECT id FROM providers_fulfilment
    WHERE handover = 'unknown' AND next_look_at <= now() AND provider_id = ANY(%(providers)s::bigint[])
    ORDER BY next_look_at LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE providers_fulfilment fulfilment SET next_look_at = now() + %(lease)s * interval '1 second'
FROM due WHERE fulfilment.id = due.id
RETURNING fulfilment.id;

-- name: neighbours
-- Orders that the provider itself said it took, just before, just after, and after the moment when nothing arrives
-- late any more. What was settled by others, and posts that the provider ordered by itself, say less about time.
-- Numbers of hand-overs ascend with time, which keeps all three on the primary key.
WITH accepted AS NOT MATERIALIZED (
    SELECT fulfilment.id, fulfilment.external_id, attempt.created_at AS sent_at, attempt.answered_at
    FROM providers_fulfilment fulfilment
    JOIN providers_attempt attempt ON attempt.fulfilment_id = fulfilment.id AND attempt.outcome = 'accepted'
    WHERE fulfilment.provider_id = %(provider)s AND fulfilment.handover = 'accepted' AND fulfilment.settled_by = ''
      AND attempt.answered_at IS NOT NULL
      AND fulfilment.id BETWEEN %(id)s::bigint - %(reach)s::bigint AND %(id)s::bigint + %(reach)s::bigint
)
(SELECT * FROM accepted WHERE id < %(id)s ORDER BY id DESC LIMIT %(each)s)
UNION
(SELECT * FROM accepted WHERE id > %(id)s AND sent_at >= %(over_at)s ORDER BY id LIMIT %(each)s)
UNION
(SELECT * FROM accepted WHERE id > %(id)s AND sent_at >= %(closes_at)s ORDER BY id LIMIT %(each)s);

-- name: known_ids
SELECT external_id FROM providers_fulfilment
WHERE provider_id = %(provider)s AND external_id = ANY(%(ids)s::text[]) AND external_id <> '';

-- name: makes_orders
-- Whether the provider makes orders of its own for us: a post's id is ours before we have heard of it.
-- Materialized: hoping to meet one soon, PostgreSQL might read the whole history in search of an open order.
WITH open AS MATERIALIZED (
    SELECT order_id FROM providers_fulfilment WHERE provider_id = %(provider)s AND next_poll_at IS NOT NULL
)
SELECT EXISTS (SELECT FROM orders_subscription JOIN open USING (order_id)) AS found;

-- name: rivals
-- What else may have become an order that nobody knows: what is open, and what was said not to have been placed.
SELECT fulfilment.provider_rate, fulfilment.quantity, service.type
FROM providers_fulfilment fulfilment
JOIN orders_order orders ON orders.id = fulfilment.order_id
JOIN catalog_service service ON service.id = orders.service_id
WHERE fulfilment.provider_id = %(provider)s AND fulfilment.id <> %(id)s
  AND fulfilment.handover IN ('sending', 'unknown')
UNION ALL
SELECT fulfilment.provider_rate, fulfilment.quantity, service.type
FROM providers_fulfilment fulfilment
JOIN orders_order orders ON orders.id = fulfilment.order_id
JOIN catalog_service service ON service.id = orders.service_id
WHERE fulfilment.provider_id = %(provider)s AND fulfilment.id <> %(id)s AND fulfilment.refusal = 'not_placed'
  AND fulfilment.id BETWEEN %(id)s::bigint - %(reach)s::bigint AND %(id)s::bigint + %(reach)s::bigint;

-- name: look_again
UPDATE providers_fulfilment SET next_look_at = now() + %(after)s * interval '1 second'
WHERE id = %(fulfilment)s AND handover = 'unknown';
