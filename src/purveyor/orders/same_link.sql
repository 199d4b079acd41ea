-- name: hold_lines
-- One transaction at a time decides about a line. None waits for another: a line that is held is looked at again.
SELECT service_id, link_key, pg_try_advisory_xact_lock(hashint8extended(link_key, service_id)) AS is_ours
FROM (
    SELECT DISTINCT service_id, link_key
    FROM json_to_recordset(%(orders)s::json) AS wanted (service_id bigint, link_key bigint)
) AS lines;

-- name: before
-- A statement of its own after the lines were held, so that it sees what the transaction before us committed. Before an
-- order is the youngest older one that has not ended, whatever keeps it; or one that is being delivered out of turn,
-- because it was claimed before the older one was committed. The lateral join makes it one index look-up per order.
SELECT wanted.id, coalesce(line.older, line.delivered) AS before
FROM json_to_recordset(%(orders)s::json) AS wanted (id bigint, service_id bigint, link_key bigint)
CROSS JOIN LATERAL (
    SELECT max(id) FILTER (WHERE id < wanted.id) AS older, max(id) AS delivered
    FROM orders_order
    WHERE link_key = wanted.link_key AND service_id = wanted.service_id
      AND status IN ('Pending', 'Processing', 'In progress')
      AND kind = 'order' AND dispatch <> 'scheduled' AND id <> wanted.id
      AND (id < wanted.id OR dispatch = 'handed')
    OFFSET 0
) AS line
WHERE line.delivered IS NOT NULL;

-- name: next_in_line
-- Orders of a part of the lines whose turn it may be: the one that each waits for has ended, or has gone back behind
-- it.
SELECT waiting.id FROM orders_order waiting
JOIN orders_order before ON before.id = waiting.waits_for_id
WHERE waiting.dispatch = 'held' AND waiting.waits_for_id IS NOT NULL
  AND waiting.id > %(after)s AND waiting.id <= %(last)s
  AND (before.status NOT IN ('Pending', 'Processing', 'In progress')
       OR before.id > waiting.id AND before.dispatch <> 'handed')
ORDER BY waiting.id LIMIT %(limit)s
FOR NO KEY UPDATE OF waiting SKIP LOCKED;

-- name: write_waits
UPDATE orders_order SET waits_for_id = wait.before
FROM json_to_recordset(%(waits)s::json) AS wait (id bigint, before bigint)
WHERE orders_order.id = wait.id AND orders_order.id = ANY(%(ids)s::bigint[]);
