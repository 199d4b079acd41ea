-- name: claim_due
-- Fulfilments to ask about now, of each provider as many as it has room for. Moving `next_poll_at` on is the lease:
-- should this worker die, they are due again by themselves.
WITH due AS (
    SELECT found.id FROM unnest(%(providers)s::bigint[], %(rooms)s::int[]) AS room (provider_id, most)
    CROSS JOIN LATERAL (
        SELECT fulfilment.id FROM providers_fulfilment fulfilment
        WHERE fulfilment.provider_id = room.provider_id AND fulfilment.next_poll_at <= now()
        ORDER BY fulfilment.next_poll_at LIMIT room.most
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS found
)
UPDATE providers_fulfilment fulfilment SET
    next_poll_at = now() + %(lease)s * interval '1 second', polls = fulfilment.polls + 1
FROM due, orders_order orders
WHERE fulfilment.id = due.id AND orders.id = fulfilment.order_id
RETURNING fulfilment.id, fulfilment.provider_id, fulfilment.external_id, fulfilment.poll_alone, orders.kind,
          fulfilment.child_external_ids, fulfilment.polls;

-- name: lock_followed
-- In order of id, after their orders.
SELECT fulfilment.id, fulfilment.order_id, fulfilment.external_id, fulfilment.quantity, fulfilment.expected_cost,
       fulfilment.cost, fulfilment.cost_corrections, fulfilment.provider_status, fulfilment.provider_charge,
       fulfilment.start_count, fulfilment.remains, fulfilment.poll_alone, fulfilment.ended_at,
       fulfilment.child_external_ids, fulfilment.polls, provider.wallet_id, orders.quantity AS ordered,
       now() - fulfilment.accepted_at AS age, now() - fulfilment.ended_at AS since_end, now() AS now
FROM providers_fulfilment fulfilment
JOIN providers_provider provider ON provider.id = fulfilment.provider_id
JOIN orders_order orders ON orders.id = fulfilment.order_id
WHERE fulfilment.id = ANY(%(ids)s::bigint[]) AND fulfilment.handover = 'accepted'
ORDER BY fulfilment.id FOR NO KEY UPDATE OF fulfilment;

-- name: write_followed
-- The ids are given twice because the planner knows the length of an array, but not of JSON rows.
UPDATE providers_fulfilment SET
    provider_status = told.provider_status, provider_charge = told.provider_charge, start_count = told.start_count,
    remains = told.remains, cost = told.cost, cost_corrections = told.cost_corrections,
    poll_alone = told.poll_alone, ended_at = told.ended_at,
    next_poll_at = now() + told.poll_after_seconds * interval '1 second'
FROM json_to_recordset(%(told)s::json) AS told (
    id bigint, provider_status text, provider_charge numeric, start_count bigint, remains bigint, cost numeric,
    cost_corrections int, poll_alone bool, ended_at timestamptz, poll_after_seconds float8
)
WHERE providers_fulfilment.id = told.id AND providers_fulfilment.id = ANY(%(ids)s::bigint[]);

-- name: poll_later
-- Of questions that brought no usable answer: nothing is concluded from that.
UPDATE providers_fulfilment SET next_poll_at = now() + %(seconds)s * interval '1 second',
    poll_alone = poll_alone OR %(alone)s
WHERE id = ANY(%(ids)s::bigint[]) AND next_poll_at IS NOT NULL;
