-- name: lock_wallets
-- In order of id, so that two transactions that need the same wallets never wait for each other in a ring.
SELECT id, balance, floor FROM money_wallet
WHERE id = ANY(%(ids)s::bigint[]) AND kind = 'customer'
ORDER BY id FOR UPDATE;

-- name: move
-- Writes the transfers and, of customers' wallets only, the running balances. A transfer that exists already
-- is left out together with its effect on balances, and so is one that names no wallet. The wallets are found
-- by their ids once: joined to a list of unknown length, the table would be read as a whole.
WITH wallet AS MATERIALIZED (
    SELECT id FROM money_wallet WHERE id = ANY(%(wallets)s::bigint[])
), made AS (
    INSERT INTO money_transfer (kind, cause_id, part, source_id, destination_id, amount)
    SELECT kind, cause_id, part, source_id, destination_id, amount FROM json_to_recordset(%(movements)s::json)
        AS wanted (kind text, cause_id bigint, part smallint, source_id bigint, destination_id bigint, amount numeric)
    WHERE source_id IN (SELECT id FROM wallet) AND destination_id IN (SELECT id FROM wallet)
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

-- name: already_made
SELECT transfer.kind, transfer.cause_id, transfer.part FROM money_transfer transfer
JOIN json_to_recordset(%(movements)s::json) AS wanted (kind text, cause_id bigint, part smallint)
    ON (transfer.kind, transfer.cause_id, transfer.part) = (wanted.kind, wanted.cause_id, wanted.part);
