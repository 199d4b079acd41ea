-- name: let_go_of_cancels
-- A wish that was told to whoever left the rest of its order to another, and was made again since, goes to the other
-- one. Where nobody may have two tasks for one wish, the earlier one gives it up.
UPDATE providers_canceltask task SET cancel_request_id = NULL
FROM orders_cancelrequest request, providers_fulfilment fulfilment
WHERE request.status = 'requested' AND task.cancel_request_id = request.id
  AND fulfilment.id = task.fulfilment_id AND fulfilment.superseded;

-- name: adopt_cancels
-- Customers' wishes go to the hand-over that was accepted last. A wish that was refused and is repeated goes again.
-- One that was handed over by hand is answered by people.
INSERT INTO providers_canceltask (cancel_request_id, fulfilment_id)
SELECT last.request_id, last.fulfilment_id FROM (
    SELECT DISTINCT ON (request.id) request.id AS request_id, fulfilment.id AS fulfilment_id, fulfilment.provider_id
    FROM orders_cancelrequest request
    JOIN providers_fulfilment fulfilment
        ON fulfilment.order_id = request.order_id AND fulfilment.handover = 'accepted'
        AND NOT fulfilment.superseded AND fulfilment.refill_id IS NULL
    WHERE request.status = 'requested' AND NOT EXISTS (
        SELECT FROM providers_canceltask task WHERE task.cancel_request_id = request.id AND task.state <> 'refused'
    )
    ORDER BY request.id, fulfilment.number DESC
) AS last
JOIN providers_provider provider ON provider.id = last.provider_id AND provider.kind = 'api'
ON CONFLICT (fulfilment_id) DO UPDATE SET
    cancel_request_id = excluded.cancel_request_id, state = 'waiting', tries = 0, next_at = now();

-- name: claim_cancels
-- Moving `next_at` on is the lease. By the statement's time, so that what was adopted just now is due.
WITH due AS (
    SELECT task.id, orders.status FROM providers_canceltask task
    JOIN providers_fulfilment fulfilment ON fulfilment.id = task.fulfilment_id
    JOIN orders_order orders ON orders.id = fulfilment.order_id
    WHERE task.next_at <= statement_timestamp() AND fulfilment.provider_id = ANY(%(providers)s::bigint[])
    ORDER BY task.next_at LIMIT %(limit)s
    FOR NO KEY UPDATE OF task SKIP LOCKED
)
UPDATE providers_canceltask task SET
    state = 'sending', tries = task.tries + 1, next_at = now() + %(lease)s * interval '1 second'
FROM due, providers_fulfilment fulfilment
WHERE task.id = due.id AND fulfilment.id = task.fulfilment_id
RETURNING task.id, task.cancel_request_id, task.fulfilment_id, task.tries, fulfilment.provider_id,
          fulfilment.external_id, due.status IN ('Completed', 'Partial', 'Canceled', 'Expired') AS ended;

-- name: write_cancel
UPDATE providers_canceltask SET state = %(state)s, response = %(response)s, told_at = now(),
    next_at = now() + %(again_after)s * interval '1 second'
WHERE id = %(id)s;

-- name: look_soon
UPDATE providers_fulfilment SET next_poll_at = least(next_poll_at, now() + %(seconds)s * interval '1 second')
WHERE id = %(id)s AND next_poll_at IS NOT NULL;

-- name: adopt_refills
-- Of several that delivered an order, whoever delivered most is asked; what people delivered, people refill. Staff have
-- those that no provider is asked for, and those that the provider cannot deliver any more where another one may.
INSERT INTO providers_refilltask (refill_id, fulfilment_id)
SELECT last.refill_id, last.fulfilment_id FROM (
    SELECT DISTINCT ON (refill.id) refill.id AS refill_id, fulfilment.id AS fulfilment_id, fulfilment.provider_id,
        fulfilment.service_external_id, orders.service_id
    FROM orders_refill refill
    JOIN orders_order orders ON orders.id = refill.order_id
    JOIN providers_fulfilment fulfilment
        ON fulfilment.order_id = refill.order_id AND fulfilment.handover = 'accepted'
        AND fulfilment.refill_id IS NULL
    WHERE refill.status = 'Pending' AND NOT EXISTS (
        SELECT FROM providers_refilltask task WHERE task.refill_id = refill.id
    ) AND NOT EXISTS (
        SELECT FROM providers_refillelsewhere elsewhere WHERE elsewhere.refill_id = refill.id
    )
    ORDER BY refill.id, fulfilment.delivered DESC NULLS LAST, fulfilment.number DESC
) AS last
JOIN providers_provider provider ON provider.id = last.provider_id AND provider.kind = 'api'
JOIN catalog_service service ON service.id = last.service_id
WHERE service.refill_by = 'provider' OR service.refill_by = 'elsewhere' AND provider.enabled AND EXISTS (
    SELECT FROM providers_providerservice offer
    WHERE offer.provider_id = provider.id AND offer.external_id = last.service_external_id
      AND offer.refill AND offer.gone_at IS NULL
)
ON CONFLICT (refill_id) DO NOTHING;

-- name: claim_refills
-- Moving `next_at` on is the lease. One found in `sending` was left there by a worker that died.
WITH due AS (
    SELECT task.refill_id, task.state AS before FROM providers_refilltask task
    JOIN providers_fulfilment fulfilment ON fulfilment.id = task.fulfilment_id
    WHERE task.next_at <= statement_timestamp() AND fulfilment.provider_id = ANY(%(providers)s::bigint[])
    ORDER BY task.next_at LIMIT %(limit)s
    FOR NO KEY UPDATE OF task SKIP LOCKED
)
UPDATE providers_refilltask task SET
    state = CASE WHEN due.before IN ('waiting', 'unknown') THEN 'sending' ELSE due.before END,
    tries = task.tries + 1, next_at = now() + %(lease)s * interval '1 second'
FROM due, providers_fulfilment fulfilment
WHERE task.refill_id = due.refill_id AND fulfilment.id = task.fulfilment_id
RETURNING task.refill_id, due.before, task.external_id, task.tries, fulfilment.provider_id,
          fulfilment.external_id AS order_external_id, now() - task.created_at AS age,
          now() - task.told_at AS silence;

-- name: write_refill
-- Words without a meaning are written down when they are new: told again and again, they tell nothing.
UPDATE providers_refilltask SET state = %(state)s, response = coalesce(%(response)s, response),
    told_at = CASE WHEN %(is_news)s OR %(response)s <> response THEN now() ELSE told_at END,
    external_id = %(external_id)s,
    next_at = now() + %(again_after)s * interval '1 second'
WHERE refill_id = %(id)s;
