-- name: clear_attempts
-- Both sides of the old enough, oldest first: those of unknown outcomes stay until they are settled, and as long again.
UPDATE providers_attempt SET request = NULL, response = ''
WHERE id IN (
    SELECT attempt.id FROM providers_attempt attempt
    JOIN providers_fulfilment fulfilment ON fulfilment.id = attempt.fulfilment_id
    WHERE attempt.request IS NOT NULL AND attempt.created_at < now() - %(days)s * interval '1 day'
      AND fulfilment.handover NOT IN ('sending', 'unknown')
      AND coalesce(fulfilment.settled_at, fulfilment.accepted_at, fulfilment.created_at)
          < now() - %(days)s * interval '1 day'
    ORDER BY attempt.created_at LIMIT %(limit)s
    FOR NO KEY UPDATE OF attempt SKIP LOCKED
);

-- name: delete_evidence
DELETE FROM providers_handoverevidence
WHERE id IN (
    SELECT evidence.id FROM providers_handoverevidence evidence
    JOIN providers_fulfilment fulfilment ON fulfilment.id = evidence.fulfilment_id
    WHERE evidence.at < now() - %(days)s * interval '1 day' AND fulfilment.handover NOT IN ('sending', 'unknown')
      AND coalesce(fulfilment.settled_at, fulfilment.accepted_at, fulfilment.created_at)
          < now() - %(days)s * interval '1 day'
    ORDER BY evidence.at LIMIT %(limit)s
    FOR UPDATE OF evidence SKIP LOCKED
);

-- name: clear_refill_tasks
-- By the moment of the last words alone: who is still being asked has younger ones.
UPDATE providers_refilltask SET response = ''
WHERE refill_id IN (
    SELECT refill_id FROM providers_refilltask
    WHERE response <> '' AND told_at < now() - %(days)s * interval '1 day'
    ORDER BY told_at LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
);

-- name: clear_cancel_tasks
UPDATE providers_canceltask SET response = ''
WHERE id IN (
    SELECT id FROM providers_canceltask
    WHERE response <> '' AND told_at < now() - %(days)s * interval '1 day'
    ORDER BY told_at LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
);

-- name: delete_noted_changes
-- Changes of lists that nothing of ours followed. They are as old as their sets: behind the first by id that is too
-- young none is old enough, so never more than `limit` are looked at.
DELETE FROM providers_change
WHERE id IN (
    SELECT oldest.id FROM (
        SELECT id, change_set_id FROM providers_change
        WHERE state = 'noted' ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    ) AS oldest
    JOIN providers_changeset change_set ON change_set.id = oldest.change_set_id
    WHERE change_set.created_at < now() - %(days)s * interval '1 day'
);
