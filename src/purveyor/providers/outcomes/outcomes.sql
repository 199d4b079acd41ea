-- name: accept
-- Looked up one by one and locked, before it is asked what they are: by that condition the planner would find an index
-- of hand-overs that are being sent, and step over all that have left it since it was last cleaned. A late answer to a
-- hand-over that was given up as unknown is evidence, and settles it. An id that another fulfilment has is none: that
-- answer is about something else. The ids are given twice as in `answer_attempts`.
WITH awaited AS MATERIALIZED (
    SELECT answer.*, before.handover = 'unknown' AS was_unknown
    FROM json_to_recordset(%(answers)s::json)
        AS answer (fulfilment_id bigint, external_id text, poll_after_seconds float8)
    CROSS JOIN LATERAL (
        SELECT provider_id, handover FROM providers_fulfilment WHERE id = answer.fulfilment_id
        OFFSET 0 FOR NO KEY UPDATE
    ) AS before
    WHERE before.handover IN ('sending', 'unknown') AND NOT EXISTS (
        SELECT FROM providers_fulfilment other
        WHERE other.provider_id = before.provider_id AND other.external_id = answer.external_id
          AND other.external_id <> ''
        OFFSET 0
    )
)
UPDATE providers_fulfilment fulfilment SET
    handover = 'accepted', external_id = awaited.external_id, accepted_at = now(), cost = fulfilment.expected_cost,
    next_poll_at = now() + awaited.poll_after_seconds * interval '1 second'
FROM awaited
WHERE fulfilment.id = awaited.fulfilment_id AND fulfilment.id = ANY(%(ids)s::bigint[])
RETURNING fulfilment.id, fulfilment.order_id, fulfilment.provider_id, fulfilment.external_id, awaited.was_unknown,
          EXISTS (SELECT FROM orders_servicepromise) AS anything_is_promised;

-- name: accepted_before
-- Of answers that changed nothing: those that were written down already, by a try whose commit went unheard.
SELECT fulfilment.id FROM providers_fulfilment fulfilment
JOIN json_to_recordset(%(answers)s::json) AS answer (fulfilment_id bigint, external_id text)
    ON answer.fulfilment_id = fulfilment.id AND answer.external_id = fulfilment.external_id
WHERE fulfilment.id = ANY(%(ids)s::bigint[]) AND fulfilment.handover = 'accepted';

-- name: settled_otherwise
SELECT id FROM providers_fulfilment WHERE id = ANY(%(ids)s::bigint[]) AND handover IN ('accepted', 'refused');

-- name: answer_attempts
-- The ids are given twice because the planner knows the length of an array, but not of JSON rows.
UPDATE providers_attempt SET
    outcome = answer.outcome, http_status = answer.http_status, response = answer.response, answered_at = now()
FROM json_to_recordset(%(answers)s::json)
    AS answer (attempt_id bigint, outcome text, http_status int, response text)
WHERE providers_attempt.id = answer.attempt_id AND providers_attempt.id = ANY(%(ids)s::bigint[])
  AND providers_attempt.outcome IN ('sending', 'unknown');

-- name: leave_unknown
-- The first look for evidence waits until what is on its way has arrived. A balance told before it was sent is kept:
-- a later one takes its place on the provider's row. Looked up as in `accept`.
WITH sending AS MATERIALIZED (
    SELECT id, handover FROM providers_fulfilment WHERE id = ANY(%(fulfilments)s::bigint[])
    ORDER BY id OFFSET 0 FOR NO KEY UPDATE
)
UPDATE providers_fulfilment fulfilment SET handover = 'unknown',
    next_look_at = now() + %(look_after)s * interval '1 second',
    balance_before = CASE WHEN provider.balance_at < fulfilment.created_at THEN provider.balance END,
    balance_before_at = CASE WHEN provider.balance_at < fulfilment.created_at THEN provider.balance_at END
FROM sending, providers_provider provider
WHERE sending.handover = 'sending' AND fulfilment.id = sending.id AND fulfilment.id = ANY(%(fulfilments)s::bigint[])
  AND provider.id = fulfilment.provider_id
RETURNING fulfilment.id, fulfilment.order_id, fulfilment.provider_id;

-- name: refuse
-- In a transaction that holds the order. Nothing changes when a person has settled the hand-over meanwhile, or the
-- request was sent once more: what was refused then says nothing about what may have come of the second.
UPDATE providers_fulfilment fulfilment SET
    handover = 'refused', refusal = %(refusal)s, refusal_text = %(text)s
FROM providers_fulfilment before
WHERE fulfilment.id = %(fulfilment)s AND before.id = %(fulfilment)s
  AND fulfilment.handover IN ('sending', 'unknown') AND fulfilment.repeated_until IS NULL
RETURNING fulfilment.order_id, fulfilment.provider_id, fulfilment.route_id, fulfilment.refill_id,
          before.handover = 'unknown' AS was_unknown;

-- name: expired_attempts
-- Of workers that died between sending and writing down. Fulfilments are locked before attempts, as everywhere.
SELECT attempt.id AS attempt_id, attempt.fulfilment_id FROM providers_attempt attempt
JOIN providers_fulfilment fulfilment ON fulfilment.id = attempt.fulfilment_id
WHERE attempt.outcome = 'sending' AND attempt.lease_until < now()
ORDER BY attempt.lease_until LIMIT %(limit)s FOR NO KEY UPDATE OF fulfilment SKIP LOCKED;
