"""What must be true of fulfilment and its money at any moment."""

from typing import Final

from purveyor.money.audit import Check

CHECKS: Final = (
    Check(
        name="provider costs have fulfilments",
        explanation="No money was booked to or from a provider without an accepted hand-over that caused it.",
        sql="""
            SELECT transfer.id AS transfer, transfer.kind, transfer.cause_id AS fulfilment
            FROM money_transfer transfer
            LEFT JOIN providers_fulfilment fulfilment ON fulfilment.id = transfer.cause_id
            LEFT JOIN providers_provider provider ON provider.id = fulfilment.provider_id
            WHERE transfer.kind IN ('provider_cost', 'provider_refund', 'provider_recost')
              AND (fulfilment.handover IS DISTINCT FROM 'accepted'
                   OR provider.wallet_id NOT IN (transfer.source_id, transfer.destination_id))
        """,
    ),
    Check(
        name="costs of fulfilments",
        explanation="What a fulfilment says it cost is the sum of its transfers, and never negative.",
        sql="""
            SELECT fulfilment.id AS fulfilment, fulfilment.cost, coalesce(sums.total, 0) AS transferred
            FROM providers_fulfilment fulfilment
            LEFT JOIN (
                SELECT cause_id, sum(CASE kind WHEN 'provider_refund' THEN -amount ELSE amount END) AS total
                FROM money_transfer WHERE kind IN ('provider_cost', 'provider_refund', 'provider_recost')
                GROUP BY cause_id
            ) AS sums ON sums.cause_id = fulfilment.id
            WHERE fulfilment.cost <> coalesce(sums.total, 0) OR fulfilment.cost < 0
        """,
    ),
    Check(
        name="accepted hand-overs have ids",
        explanation="Every accepted hand-over has the provider's order id, and no two have the same.",
        sql="""
            SELECT provider_id, external_id, count(*) AS hand_overs FROM providers_fulfilment
            WHERE handover = 'accepted'
            GROUP BY provider_id, external_id HAVING count(*) > 1 OR external_id = ''
        """,
    ),
    Check(
        name="one live hand-over",
        explanation="No order is being sent, or unknown, more than once, nor beside one that delivers.",
        sql="""
            SELECT order_id AS order, array_agg(handover ORDER BY number) AS hand_overs
            FROM providers_fulfilment
            WHERE handover <> 'refused' AND refill_id IS NULL
            GROUP BY order_id
            HAVING count(*) FILTER (WHERE NOT superseded) > 1
                OR bool_or(superseded AND handover IN ('sending', 'unknown'))
        """,
    ),
    Check(
        name="handed orders have hand-overs",
        explanation="An order that left the queue has a hand-over that was not refused; one in it has none, "
        "or only such as ended and left a rest.",
        sql="""
            SELECT orders.id AS order, orders.dispatch, fulfilments.asked, fulfilments.at_work
            FROM orders_order orders
            CROSS JOIN LATERAL (
                SELECT count(*) FILTER (WHERE NOT superseded) AS asked,
                       count(*) FILTER (WHERE NOT superseded AND ended_at IS NULL) AS at_work
                FROM providers_fulfilment fulfilment
                WHERE fulfilment.order_id = orders.id AND handover <> 'refused' AND refill_id IS NULL
            ) AS fulfilments
            WHERE CASE WHEN orders.dispatch = 'handed' THEN fulfilments.asked = 0
                       WHEN orders.dispatch IN ('queued', 'held', 'never')
                       THEN fulfilments.at_work > 0
                       ELSE false END
        """,
    ),
    Check(
        name="ended orders wait for nobody",
        explanation="No order that has ended is on its way to whoever fulfils it.",
        sql="""
            SELECT id AS order, status, dispatch FROM orders_order
            WHERE dispatch IN ('queued', 'held')
              AND status IN ('Completed', 'Partial', 'Canceled', 'Expired')
        """,
    ),
    Check(
        name="parts of orders",
        explanation="What several delivered of an order and what remains make up the order, unless more was "
        "delivered and its timeline says so.",
        sql="""
            SELECT orders.id AS order, orders.quantity, orders.remains, parts.delivered
            FROM (
                SELECT order_id, sum(coalesce(delivered, 0)) AS delivered FROM providers_fulfilment
                WHERE handover = 'accepted' AND refill_id IS NULL GROUP BY order_id
                HAVING bool_or(superseded)
            ) AS parts JOIN orders_order orders ON orders.id = parts.order_id
            WHERE parts.delivered + orders.remains <> orders.quantity
              AND (orders.remains > 0 OR NOT EXISTS (
                SELECT FROM orders_orderevent event
                WHERE event.order_id = orders.id AND event.kind = 'overlap'
              ))
        """,
    ),
    Check(
        name="refills elsewhere",
        explanation="What another provider delivers is a refill of that order; one that is queued is open.",
        sql="""
            SELECT refill.id AS refill, refill.order_id AS order, refill.status
            FROM orders_refill refill JOIN providers_fulfilment fulfilment ON fulfilment.refill_id = refill.id
            WHERE fulfilment.order_id <> refill.order_id
            UNION ALL
            SELECT refill.id, refill.order_id, refill.status
            FROM providers_refillelsewhere elsewhere
            JOIN orders_refill refill ON refill.id = elsewhere.refill_id
            WHERE elsewhere.next_at IS NOT NULL AND refill.status NOT IN ('Pending', 'In progress')
        """,
    ),
    Check(
        name="no part is more than its order",
        explanation="No fulfilment was asked for more than was ordered, nor has delivered more of it.",
        sql="""
            SELECT fulfilment.id AS fulfilment, orders.quantity, fulfilment.wanted, fulfilment.delivered
            FROM providers_fulfilment fulfilment JOIN orders_order orders ON orders.id = fulfilment.order_id
            WHERE fulfilment.wanted NOT BETWEEN 1 AND orders.quantity
               OR fulfilment.delivered NOT BETWEEN 0 AND coalesce(fulfilment.wanted, orders.quantity)
        """,
    ),
    Check(
        name="desks have their jobs",
        explanation="What was handed to a desk is a job there, which is open until the hand-over has ended.",
        sql="""
            SELECT fulfilment.id AS fulfilment, fulfilment.ended_at, job.id AS job, job.state
            FROM providers_fulfilment fulfilment
            JOIN providers_provider provider
                ON provider.id = fulfilment.provider_id AND provider.kind = 'manual'
            LEFT JOIN providers_deskjob job ON job.fulfilment_id = fulfilment.id AND job.kind = 'order'
            WHERE fulfilment.handover = 'accepted' AND (
                job.id IS NULL OR job.desk_id <> fulfilment.provider_id
                OR (job.state = 'ended') <> (fulfilment.ended_at IS NOT NULL)
            )
        """,
    ),
    Check(
        name="attempts and hand-overs agree",
        explanation="A hand-over that is accepted or refused has no attempt that still waits for its answer.",
        sql="""
            SELECT attempt.id AS attempt, fulfilment.id AS fulfilment, fulfilment.handover
            FROM providers_attempt attempt
            JOIN providers_fulfilment fulfilment ON fulfilment.id = attempt.fulfilment_id
            WHERE attempt.outcome = 'sending' AND fulfilment.handover <> 'sending'
        """,
    ),
)
