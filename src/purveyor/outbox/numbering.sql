-- name: are_fresh
SELECT EXISTS (SELECT FROM outbox_outboxevent WHERE position IS NULL) AS found;

-- name: hold_numbering
SELECT last FROM outbox_numbering WHERE id = 1 FOR NO KEY UPDATE SKIP LOCKED;

-- name: fresh
-- A statement of its own after the lock, so that it sees what was numbered before.
SELECT id FROM outbox_outboxevent WHERE position IS NULL ORDER BY id LIMIT %(limit)s;

-- name: number
-- In the order of the array.
WITH wanted AS (
    SELECT id, place FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS wanted (id, place)
), numbered AS (
    UPDATE outbox_outboxevent SET position = %(last)s::bigint + wanted.place FROM wanted
    WHERE outbox_outboxevent.id = wanted.id AND outbox_outboxevent.id = ANY(%(ids)s::bigint[])
)
UPDATE outbox_numbering SET last = %(last)s::bigint + cardinality(%(ids)s::bigint[]) WHERE id = 1;
