-- name: keep_evidence
INSERT INTO providers_handoverevidence (fulfilment_id, kind, text, at)
VALUES (%(fulfilment)s, %(kind)s, %(text)s, now())
ON CONFLICT (fulfilment_id, kind) DO UPDATE SET text = excluded.text, at = excluded.at;

-- name: note_duplicate
-- Open orders with the link are found on their index; unknown hand-overs are few.
INSERT INTO providers_handoverevidence (fulfilment_id, kind, text, at)
SELECT unknown.id, 'duplicate', left(
        'order ' || refused.id || ' with the same link was refused as its duplicate: ' || %(text)s::text
        || CASE WHEN other.order_id IS NULL THEN '; no other order of ours is known to be open there with this link'
                ELSE '; order ' || other.order_id || ' has this link there too, which explains it as well' END,
        500
    ), now()
FROM orders_order refused
JOIN orders_order same ON same.link_key = refused.link_key AND same.id <> refused.id AND refused.link <> ''
    AND same.status IN ('Pending', 'Processing', 'In progress')
JOIN providers_fulfilment unknown ON unknown.order_id = same.id AND unknown.handover = 'unknown'
    AND unknown.provider_id = %(provider)s
LEFT JOIN LATERAL (
    SELECT accepted.order_id FROM orders_order open
    JOIN providers_fulfilment accepted ON accepted.order_id = open.id AND accepted.handover = 'accepted'
        AND accepted.provider_id = %(provider)s
    WHERE open.link_key = refused.link_key AND open.status IN ('Pending', 'Processing', 'In progress')
    ORDER BY accepted.order_id LIMIT 1
) AS other ON true
WHERE refused.id = %(order)s
ORDER BY unknown.id
ON CONFLICT (fulfilment_id, kind) DO UPDATE SET text = excluded.text, at = excluded.at;

-- name: doubt_not_placed
-- No evidence is looked for: what there was has said already that it was not placed.
UPDATE providers_fulfilment SET handover = 'unknown', refusal = '', settled_by = '', settled_at = NULL,
    next_look_at = NULL
WHERE id = (
    SELECT earlier.id FROM providers_fulfilment earlier
    WHERE earlier.order_id = %(order)s AND earlier.provider_id = %(provider)s AND earlier.refusal = 'not_placed'
      AND earlier.refill_id IS NULL AND NOT EXISTS (
        SELECT FROM providers_handoverevidence evidence
        WHERE evidence.fulfilment_id = earlier.id AND evidence.kind = 'duplicate'
    )
    ORDER BY earlier.number DESC LIMIT 1
) AND NOT EXISTS (
    SELECT FROM orders_order refused
    JOIN orders_order open ON open.link_key = refused.link_key
        AND open.status IN ('Pending', 'Processing', 'In progress')
    JOIN providers_fulfilment accepted ON accepted.order_id = open.id AND accepted.handover = 'accepted'
        AND accepted.provider_id = %(provider)s
    WHERE refused.id = %(order)s
)
RETURNING id;

-- name: balance_before
-- Whether anything else was sent to the provider since: taken, being sent, or of unknown outcome too. What was taken
-- within the minute before may not have been in that balance yet.
SELECT fulfilment.balance_before, fulfilment.balance_before_at,
    coalesce((
        SELECT taken.accepted_at >= fulfilment.balance_before_at - interval '1 minute' FROM providers_fulfilment taken
        WHERE taken.provider_id = %(provider)s AND taken.accepted_at IS NOT NULL
        ORDER BY taken.accepted_at DESC LIMIT 1
    ), false) OR EXISTS (
        SELECT FROM providers_fulfilment live
        WHERE live.handover IN ('sending', 'unknown') AND live.provider_id = %(provider)s AND live.id <> fulfilment.id
    ) AS others_sent,
    coalesce((
        SELECT true FROM providers_fulfilment followed
        WHERE followed.provider_id = %(provider)s AND followed.next_poll_at IS NOT NULL
        ORDER BY followed.next_poll_at LIMIT 1
    ), false) AS refunds_possible
FROM providers_fulfilment fulfilment
WHERE fulfilment.id = %(fulfilment)s AND fulfilment.handover = 'unknown'
  AND fulfilment.balance_before_at IS NOT NULL;
