-- name: hold_numbering
-- Only where there is something to number: an idle panel writes nothing.
SELECT last FROM outbox_numbering
WHERE id = 1 AND EXISTS (SELECT FROM outbox_outboxevent WHERE position IS NULL)
FOR NO KEY UPDATE SKIP LOCKED;

-- name: number
-- A statement of its own, so that it sees what was numbered before it got hold.
WITH fresh AS (
    SELECT id, row_number() OVER (ORDER BY id) AS place
    FROM (SELECT id FROM outbox_outboxevent WHERE position IS NULL ORDER BY id LIMIT %(limit)s) AS lowest
), numbered AS (
    UPDATE outbox_outboxevent SET position = %(last)s + fresh.place FROM fresh
    WHERE outbox_outboxevent.id = fresh.id
    RETURNING outbox_outboxevent.id
)
UPDATE outbox_numbering SET last = last + (SELECT count(*) FROM numbered) WHERE id = 1
RETURNING (SELECT count(*) FROM numbered) AS numbered;
