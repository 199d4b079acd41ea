-- name: lock_limited
SELECT id, calls_per_minute, calls_spent_until, now() AS now FROM providers_provider
WHERE id = ANY(%(providers)s::bigint[]) AND calls_per_minute IS NOT NULL
ORDER BY id FOR NO KEY UPDATE SKIP LOCKED;

-- name: limit_waiting
SELECT set_config('lock_timeout', %(milliseconds)s::text, true);

-- name: lock_budgets_of
SELECT calls_per_minute, calls_spent_until, status_calls_per_minute, status_spent_until, status_stretch, now() AS now
FROM providers_provider WHERE id = %(provider)s FOR NO KEY UPDATE;

-- name: spend_calls
UPDATE providers_provider provider SET calls_spent_until =
    greatest(provider.calls_spent_until, now()) + made.calls * interval '1 minute' / provider.calls_per_minute
FROM unnest(%(providers)s::bigint[], %(calls)s::int[]) AS made (id, calls)
WHERE provider.id = made.id AND provider.calls_per_minute IS NOT NULL AND made.calls > 0;

-- name: spend_status
UPDATE providers_provider SET status_spent_until = %(spent_until)s WHERE id = %(provider)s;
