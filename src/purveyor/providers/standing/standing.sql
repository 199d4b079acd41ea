-- name: standings
SELECT id, name, url, key, wallet_id, currency, fx_rate, top_up_bonus_percent, fee_percent, timeout_seconds,
       services_timeout_seconds, method, field_names::json, action_names::json, extra_fields::json, user_agent, kind,
       calls_per_minute, status_calls_per_minute, parallel_calls, allow_private_address, troubles, paused_reason,
       takes_idempotency_key,
       enabled AND (kind = 'manual' OR key <> refused_key) AND coalesce(paused_until <= now(), true)
           AND coalesce(silent_until <= now(), true) AS sendable,
       kind = 'api' AND key <> refused_key AND coalesce(silent_until <= now(), true) AS callable
FROM providers_provider ORDER BY id;

-- name: lock_standing
SELECT name, key, paused_reason, troubles, key = refused_key AS key_refused,
       coalesce(paused_until > now(), false) AS paused,
       coalesce(silent_until > now(), false) AS silent
FROM providers_provider WHERE id = %(provider)s FOR NO KEY UPDATE;

-- name: recovered
SELECT id, name, paused_reason FROM providers_provider
WHERE id = ANY(%(providers)s::bigint[]) AND troubles <> 0 AND key <> refused_key
  AND coalesce(paused_until <= now(), true)
ORDER BY id FOR NO KEY UPDATE;

-- name: to_use_again
SELECT id, name, paused_reason FROM providers_provider WHERE id = %(provider)s FOR NO KEY UPDATE;
