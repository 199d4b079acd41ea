-- name: lock_wallets
-- In order of id, so that two transactions that need the same wallets never wait for each other in a ring.
SELECT id, balance, floor FROM money_wallet
WHERE id = ANY(%(ids)s::bigint[]) AND kind = 'customer'
ORDER BY id FOR UPDATE;

-- name: move
-- Writes the transfers and, of customers' wallets only, the running balances. A transfer that exists already
-- is left out together with its effect on balances. One that names no wallet is an error: it is then written
-- with NULL in its place. The wallets are found by their ids once: joined to a list of unknown length, the table
-- would be read as a whole.
WITH wallet AS MATERIALIZED (
    SELECT id FROM money_wallet WHERE id = ANY(%(wallets)s::bigint[])
), made AS (
    INSERT INTO money_transfer (kind, cause_id, part, source_id, destination_id, amount)
    SELECT wanted.kind, wanted.cause_id, wanted.part, source.id, destination.id, wanted.amount
    FROM json_to_recordset(%(movements)s::json)
        AS wanted (kind text, cause_id bigint, part smallint, source_id bigint, destination_id bigint, amount numeric)
    LEFT JOIN wallet AS source ON source.id = wanted.source_id
    LEFT JOIN wallet AS destination ON destination.id = wanted.destination_id
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
        AND money_wallet.id = ANY(%(wallets)s::bigint[])
)
SELECT kind, cause_id, part FROM made;
