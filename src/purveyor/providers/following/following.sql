-- name: lock_followed
-- In order of id, after their orders.
SELECT fulfilment.id, fulfilment.order_id, fulfilment.external_id, fulfilment.quantity, fulfilment.expected_cost,
       fulfilment.fx_rate, fulfilment.top_up_bonus_percent, fulfilment.fee_percent,
       fulfilment.cost, fulfilment.cost_corrections, fulfilment.provider_status, fulfilment.provider_charge,
       fulfilment.start_count, fulfilment.remains, fulfilment.started_at,
       fulfilment.ended_at,
       fulfilment.child_external_ids, fulfilment.polls, fulfilment.poll_together, provider.wallet_id,
       provider.kind = 'manual' AS by_hand,
       provider.status_stretch AS stretch,
       coalesce(fulfilment.wanted, orders.quantity) AS wanted, fulfilment.delivered,
       fulfilment.wanted IS NOT NULL OR fulfilment.superseded OR orders.dispatch <> 'handed' AS one_of_several,
       fulfilment.refill_id,
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
-- The ids are given twice because the planner knows the length of an array, but not of JSON rows.
UPDATE providers_fulfilment SET
    provider_status = told.provider_status, provider_charge = told.provider_charge, start_count = told.start_count,
    remains = told.remains, delivered = told.delivered, cost = told.cost, cost_corrections = told.cost_corrections,
    poll_together = told.poll_together, started_at = told.started_at, ended_at = told.ended_at,
    next_poll_at = now() + told.poll_after_seconds * interval '1 second'
FROM json_to_recordset(%(told)s::json) AS told (
    id bigint, provider_status text, provider_charge numeric, start_count bigint, remains bigint, delivered bigint,
    cost numeric, cost_corrections int, started_at timestamptz, ended_at timestamptz, poll_together smallint,
    poll_after_seconds float8
)
WHERE providers_fulfilment.id = told.id AND providers_fulfilment.id = ANY(%(ids)s::bigint[]);
