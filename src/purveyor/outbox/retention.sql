-- name: delete_old
-- From the lowest position on, and never more than `limit` rows are looked at: where the oldest ones have to stay,
-- those after them stay too.
WITH oldest AS (
    SELECT id, position, created_at FROM outbox_outboxevent
    WHERE position IS NOT NULL ORDER BY position LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), deleted AS (
    DELETE FROM outbox_outboxevent USING oldest
    WHERE outbox_outboxevent.id = oldest.id
      AND (
        oldest.created_at < now() - %(laggard_days)s * interval '1 day'
        OR oldest.created_at < now() - %(days)s * interval '1 day'
            AND oldest.position <= coalesce((SELECT min(position) FROM outbox_consumer), oldest.position)
      )
    RETURNING oldest.position
)
SELECT
    (SELECT count(*) FROM deleted) AS deleted,
    (SELECT count(*) FROM deleted WHERE position > (SELECT min(position) FROM outbox_consumer)) AS unread,
    ARRAY(
        SELECT name FROM outbox_consumer WHERE position < (SELECT max(position) FROM deleted) ORDER BY name
    ) AS laggards;
