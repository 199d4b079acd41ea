-- name: lock_budgets
-- Of providers that may be asked: the budgets of status calls and of all calls, or none. A provider of which another worker is taking
-- a list at this moment is left out rather than waited for.
WITH budgeted AS (
    SELECT id, status_calls_per_minute, status_spent_until, status_stretch, calls_per_minute, calls_spent_until
    FROM providers_provider
    WHERE id = ANY(%(providers)s::bigint[]) AND coalesce(status_calls_per_minute, calls_per_minute) IS NOT NULL
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
)
SELECT budgeted.*, now() AS now FROM budgeted
UNION ALL
SELECT id, NULL, status_spent_until, status_stretch, NULL, calls_spent_until, now() FROM providers_provider
WHERE id = ANY(%(providers)s::bigint[]) AND coalesce(status_calls_per_minute, calls_per_minute) IS NULL;

-- name: claim_due
-- Fulfilments to ask about now, of each provider as many as it has room for and as the calls left in its budget reach:
-- a list is one call, and so is each that is asked about by itself. What is due in a minute fills the last list up, as it
-- costs no call. Moving `next_poll_at` on is the lease: should this worker die, they are due again by themselves.
WITH found AS (
    SELECT room.provider_id, room.calls, found.* FROM
        unnest(%(providers)s::bigint[], %(rooms)s::int[], %(calls)s::int[]) AS room (provider_id, most, calls)
    CROSS JOIN LATERAL (
        SELECT ceil(count(*) / %(ids_per_call)s::float8) AS lists FROM (
            SELECT FROM providers_fulfilment fulfilment
            WHERE fulfilment.provider_id = room.provider_id AND fulfilment.next_poll_at <= now() LIMIT room.most
        ) AS due
    ) AS due
    CROSS JOIN LATERAL (
        SELECT fulfilment.id, fulfilment.poll_alone, fulfilment.next_poll_at FROM providers_fulfilment fulfilment
        WHERE fulfilment.provider_id = room.provider_id
          AND fulfilment.next_poll_at <= now() + %(ahead)s * interval '1 second'
        ORDER BY fulfilment.next_poll_at LIMIT due.lists * %(ids_per_call)s
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS found
    WHERE found.next_poll_at <= now() OR NOT found.poll_alone
), due AS (
    SELECT id, now() - next_poll_at AS overdue FROM (
        SELECT id, next_poll_at, calls,
            count(*) FILTER (WHERE poll_alone) OVER sooner
            + ceil(count(*) FILTER (WHERE NOT poll_alone) OVER sooner / %(ids_per_call)s::float8) AS needed
        FROM found WINDOW sooner AS (PARTITION BY provider_id ORDER BY next_poll_at, id)
    ) AS counted WHERE calls IS NULL OR needed <= calls
)
UPDATE providers_fulfilment fulfilment SET
    next_poll_at = now() + %(lease)s * interval '1 second', polls = fulfilment.polls + 1
FROM due, orders_order orders
WHERE fulfilment.id = due.id AND orders.id = fulfilment.order_id
RETURNING fulfilment.id, fulfilment.provider_id, fulfilment.external_id, fulfilment.poll_alone, orders.kind,
          fulfilment.child_external_ids, fulfilment.polls, due.overdue;

-- name: spend_budgets
UPDATE providers_provider SET status_spent_until = spent.spent_until, status_stretch = spent.stretch
FROM json_to_recordset(%(spent)s::json) AS spent (id bigint, spent_until timestamptz, stretch float8)
WHERE providers_provider.id = spent.id;

-- name: lock_followed
-- In order of id, after their orders.
SELECT fulfilment.id, fulfilment.order_id, fulfilment.external_id, fulfilment.quantity, fulfilment.expected_cost,
       fulfilment.fx_rate, fulfilment.top_up_bonus_percent, fulfilment.fee_percent,
       fulfilment.cost, fulfilment.cost_corrections, fulfilment.provider_status, fulfilment.provider_charge,
       fulfilment.start_count, fulfilment.remains, fulfilment.started_at,
       fulfilment.ended_at,
       fulfilment.child_external_ids, fulfilment.polls, provider.wallet_id, provider.kind = 'manual' AS by_hand,
       provider.status_stretch AS stretch,
       coalesce(fulfilment.wanted, orders.quantity) AS wanted, fulfilment.delivered,
       fulfilment.wanted IS NOT NULL OR fulfilment.superseded OR orders.dispatch <> 'handed' AS one_of_several, fulfilment.refill_id,
       coalesce(route_times.finish_p50, service_times.finish_p50) AS usual,
       now() - fulfilment.accepted_at AS age, now() - fulfilment.ended_at AS since_end, now() AS now
FROM providers_fulfilment fulfilment
JOIN providers_provider provider ON provider.id = fulfilment.provider_id
JOIN orders_order orders ON orders.id = fulfilment.order_id
LEFT JOIN providers_routetimes route_times ON route_times.route_id = fulfilment.route_id
LEFT JOIN providers_servicetimes service_times ON service_times.service_id = orders.service_id
WHERE fulfilment.id = ANY(%(ids)s::bigint[]) AND fulfilment.handover = 'accepted'
ORDER BY fulfilment.id FOR NO KEY UPDATE OF fulfilment;

-- name: write_followed
-- The ids are given twice because the planner knows the length of an array, but not of JSON rows. What is asked about by
-- itself goes back into lists now and then: its list may have failed for a passing reason.
UPDATE providers_fulfilment SET
    provider_status = told.provider_status, provider_charge = told.provider_charge, start_count = told.start_count,
    remains = told.remains, delivered = told.delivered, cost = told.cost, cost_corrections = told.cost_corrections,
    poll_alone = poll_alone AND polls %% %(lists_again_every)s <> 0, started_at = told.started_at, ended_at = told.ended_at,
    next_poll_at = now() + told.poll_after_seconds * interval '1 second'
FROM json_to_recordset(%(told)s::json) AS told (
    id bigint, provider_status text, provider_charge numeric, start_count bigint, remains bigint, delivered bigint,
    cost numeric, cost_corrections int, started_at timestamptz, ended_at timestamptz, poll_after_seconds float8
)
WHERE providers_fulfilment.id = told.id AND providers_fulfilment.id = ANY(%(ids)s::bigint[]);

-- name: poll_later
-- Of questions that brought no usable answer: nothing is concluded from that. What was asked about by itself already is
-- asked again by its age: an order that its provider never tells of would be asked about every few seconds for ever.
UPDATE providers_fulfilment SET
    next_poll_at = now() + greatest(interval '1 second' * %(seconds)s, CASE WHEN poll_alone THEN
        least((now() - accepted_at) * %(share_of_age)s, interval '1 second' * %(latest)s) END),
    poll_alone = poll_alone OR %(alone)s
WHERE id = ANY(%(ids)s::bigint[]) AND next_poll_at IS NOT NULL;
