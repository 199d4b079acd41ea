-- name: lock_wallets
-- In order of id, so that two transactions that need the same wallets never wait for each other in a ring.
SELECT id, balance, floor FROM money_wallet
WHERE id = ANY(%(ids)s::bigint[]) AND kind = 'customer'
ORDER BY id FOR UPDATE;

-- name: move
-- Writes the transfers and, of customers' wallets only, the running balances. A transfer that exists already
-- is left out together with its effect on balances. The joins keep money from going where no wallet is.
WITH wanted AS (
    SELECT * FROM unnest(
        %(kinds)s::text[], %(causes)s::bigint[], %(parts)s::smallint[],
        %(sources)s::bigint[], %(destinations)s::bigint[], %(amounts)s::numeric[]
    ) AS wanted (kind, cause_id, part, source_id, destination_id, amount)
), made AS (
    INSERT INTO money_transfer (kind, cause_id, part, source_id, destination_id, amount)
    SELECT wanted.* FROM wanted
    JOIN money_wallet source ON source.id = wanted.source_id
    JOIN money_wallet destination ON destination.id = wanted.destination_id
    ON CONFLICT (kind, cause_id, part) DO NOTHING
    RETURNING kind, cause_id, part, source_id, destination_id, amount
), changes AS (
    SELECT wallet_id, sum(amount) AS amount FROM (
        SELECT source_id AS wallet_id, -amount AS amount FROM made
        UNION ALL
        SELECT destination_id, amount FROM made
    ) AS sides GROUP BY wallet_id
), applied AS (
    UPDATE money_wallet SET balance = money_wallet.balance + changes.amount
    FROM changes WHERE money_wallet.id = changes.wallet_id AND money_wallet.kind = 'customer'
)
SELECT kind, cause_id, part FROM made;

-- name: already_made
SELECT transfer.kind, transfer.cause_id, transfer.part FROM money_transfer transfer
JOIN unnest(%(kinds)s::text[], %(causes)s::bigint[], %(parts)s::smallint[]) AS wanted (kind, cause_id, part)
    ON (transfer.kind, transfer.cause_id, transfer.part) = (wanted.kind, wanted.cause_id, wanted.part);
