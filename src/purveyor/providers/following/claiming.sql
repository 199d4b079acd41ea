-- name: lock_budgets
-- Of providers that may be asked: the budgets of status calls and of all calls, or none. A provider of which another
-- worker is taking a list at this moment is left out rather than waited for.
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
-- Fulfilments to ask about now, in numbered lists: of each provider as many as it has room for and as the calls left in
-- its budget reach. A list is one call and holds orders of the same limit, as many as that. What is due in a minute
-- fills lists up that go out anyway, as it costs no call. Moving `next_poll_at` on is the lease: should this worker
-- die, they are due again by themselves. What was found is held, and looked up by its ids: joined, a table that was
-- last counted when it was small would be read as a whole.
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
        SELECT id, order_id, external_id, child_external_ids, poll_together, polls, next_poll_at
        FROM providers_fulfilment fulfilment
        WHERE fulfilment.provider_id = room.provider_id
          AND fulfilment.next_poll_at <= now() + %(ahead)s * interval '1 second'
        ORDER BY fulfilment.next_poll_at LIMIT due.lists * %(ids_per_call)s
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS found
), placed AS (
    SELECT *,
           (row_number() OVER (PARTITION BY provider_id, poll_together ORDER BY next_poll_at, id) - 1) / poll_together AS part
    FROM found
), parted AS (
    SELECT *, min(next_poll_at) OVER (PARTITION BY provider_id, poll_together, part) AS first_due FROM placed
), listed AS (
    SELECT *, dense_rank() OVER (PARTITION BY provider_id ORDER BY first_due, poll_together, part) AS list FROM parted
    WHERE first_due <= now()
), taken AS MATERIALIZED (
    SELECT * FROM listed WHERE calls IS NULL OR list <= calls
), leased AS (
    UPDATE providers_fulfilment SET next_poll_at = now() + %(lease)s * interval '1 second', polls = polls + 1
    WHERE id = ANY(ARRAY(SELECT id FROM taken))
)
SELECT taken.id, taken.provider_id, taken.external_id, taken.poll_together, orders.kind, taken.child_external_ids,
       taken.polls + 1 AS polls, taken.list, now() - taken.next_poll_at AS overdue
FROM taken CROSS JOIN LATERAL (SELECT kind FROM orders_order WHERE id = taken.order_id OFFSET 0) AS orders;

-- name: spend_budgets
UPDATE providers_provider SET status_spent_until = spent.spent_until, status_stretch = spent.stretch
FROM json_to_recordset(%(spent)s::json) AS spent (id bigint, spent_until timestamptz, stretch float8)
WHERE providers_provider.id = spent.id;

-- name: poll_later
-- Of questions that brought no usable answer: nothing is concluded from that. The ids are given twice because by
-- its other conditions the planner would find the index of all that are followed.
UPDATE providers_fulfilment fulfilment SET
    next_poll_at = now() + greatest(interval '1 second' * %(seconds)s, CASE WHEN %(by_age)s THEN
        least((now() - accepted_at) * %(share_of_age)s, interval '1 second' * %(latest)s) END),
    poll_together = least(poll_together, %(together)s)
FROM unnest(%(ids)s::bigint[], %(asked)s::int[]) AS question (id, number)
WHERE fulfilment.id = question.id AND fulfilment.id = ANY(%(ids)s::bigint[])
  AND fulfilment.polls = question.number AND fulfilment.next_poll_at IS NOT NULL;
