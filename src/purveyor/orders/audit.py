"""What must be true of orders and their money at any moment."""

from typing import Final

from purveyor.money.audit import Check

CHECKS: Final = (
    Check(
        name="orders are charged",
        explanation="Every order's charge left its customer's wallet once; its drip-feed pays for a run.",
        sql="""
            SELECT orders.id AS order, orders.charge, transfer.amount AS transferred
            FROM orders_order orders
            JOIN accounts_customer customer ON customer.id = orders.customer_id
            LEFT JOIN money_transfer transfer
                ON transfer.kind = 'charge' AND transfer.cause_id = orders.id AND transfer.part = 0
            WHERE coalesce(transfer.amount, 0) <>
                  CASE WHEN orders.source = 'drip-feed' THEN 0 ELSE orders.charge END
               OR transfer.source_id <> customer.wallet_id
        """,
    ),
    Check(
        name="orders belong to somebody",
        explanation="Every order's customer and service exist.",
        sql="""
            SELECT orders.id AS order, orders.customer_id, orders.service_id FROM orders_order orders
            LEFT JOIN accounts_customer customer ON customer.id = orders.customer_id
            LEFT JOIN catalog_service service ON service.id = orders.service_id
            WHERE customer.id IS NULL OR service.id IS NULL
        """,
    ),
    Check(
        name="charges have orders",
        explanation="No money was taken for an order that does not exist.",
        sql="""
            SELECT transfer.id AS transfer, transfer.kind, transfer.cause_id AS order
            FROM money_transfer transfer LEFT JOIN orders_order orders ON orders.id = transfer.cause_id
            WHERE transfer.kind IN ('charge', 'refund', 'recharge') AND orders.id IS NULL
        """,
    ),
    Check(
        name="refunds",
        explanation="What an order says was refunded is the sum of its refunds less their corrections.",
        sql="""
            SELECT orders.id AS order, orders.refunded, coalesce(sums.total, 0) AS transferred
            FROM orders_order orders
            LEFT JOIN (
                SELECT cause_id, sum(CASE kind WHEN 'refund' THEN amount ELSE -amount END) AS total
                FROM money_transfer WHERE kind IN ('refund', 'recharge') GROUP BY cause_id
            ) AS sums ON sums.cause_id = orders.id
            WHERE orders.refunded <> coalesce(sums.total, 0)
        """,
    ),
    Check(
        name="refunds stay within charges",
        explanation="No order's refunds exceed what was charged for it.",
        sql="SELECT id AS order, charge, refunded FROM orders_order WHERE refunded > charge OR refunded < 0",
    ),
    Check(
        name="money of orders stays with their customer",
        explanation="Charges and refunds move between revenue and the wallet of the order's own customer.",
        sql="""
            SELECT transfer.id AS transfer, transfer.kind, transfer.source_id, transfer.destination_id
            FROM money_transfer transfer
            JOIN orders_order orders ON orders.id = transfer.cause_id
            JOIN accounts_customer customer ON customer.id = orders.customer_id
            WHERE transfer.kind IN ('charge', 'recharge')
                  AND (transfer.source_id, transfer.destination_id) <> (customer.wallet_id, 1)
               OR transfer.kind = 'refund'
                  AND (transfer.source_id, transfer.destination_id) <> (1, customer.wallet_id)
        """,
    ),
    Check(
        name="partial orders",
        explanation="A Partial order was refunded the share that remains, unless staff must take some back.",
        sql="""
            SELECT id AS order, charge, quantity, remains, refunded FROM orders_order
            WHERE status = 'Partial' AND kind = 'order' AND refunded <> trunc(charge * remains / quantity, 8)
              AND NOT EXISTS (
                SELECT FROM orders_orderevent event WHERE event.order_id = orders_order.id
                AND event.kind = 'correction' AND NOT (event.data ->> 'done')::boolean
              )
        """,
    ),
    Check(
        name="completed orders are paid",
        explanation="Nothing of a Completed order is refunded, unless staff must take some back.",
        sql="""
            SELECT id AS order, charge, refunded FROM orders_order
            WHERE status = 'Completed' AND kind = 'order' AND refunded <> 0
              AND NOT EXISTS (
                SELECT FROM orders_orderevent event WHERE event.order_id = orders_order.id
                AND event.kind = 'correction' AND NOT (event.data ->> 'done')::boolean
              )
        """,
    ),
    Check(
        name="canceled orders cost nothing",
        explanation="A canceled order, or one canceled before its first run, is refunded whole.",
        sql="""
            SELECT id AS order, charge, refunded FROM orders_order
            WHERE status = 'Canceled' AND charge <> refunded
              AND NOT EXISTS (SELECT FROM orders_order child WHERE child.parent_id = orders_order.id)
        """,
    ),
    Check(
        name="drip-feeds",
        explanation="The runs of a drip-feed and what it refunded itself stay within its charge.",
        sql="""
            SELECT parent.id AS order, parent.charge, sum(child.charge) AS runs, parent.refunded
            FROM orders_order parent JOIN orders_order child ON child.parent_id = parent.id
            WHERE parent.kind = 'drip-feed'
            GROUP BY parent.id HAVING sum(child.charge) + parent.refunded > parent.charge
        """,
    ),
    Check(
        name="drip-feeds that release no more",
        explanation="Their runs and refunds make up the charge, and they end when their last run does.",
        sql="""
            SELECT parent.id AS order, parent.status, parent.charge, runs.charged, parent.refunded,
                   drip_feed.runs_released, runs.made
            FROM orders_dripfeed drip_feed
            JOIN orders_order parent ON parent.id = drip_feed.order_id
            CROSS JOIN LATERAL (
                SELECT count(*) AS made, coalesce(sum(charge), 0) AS charged,
                       count(*) FILTER (WHERE status IN ('Pending', 'Processing', 'In progress')) AS under_way
                FROM orders_order WHERE parent_id = parent.id
            ) AS runs
            WHERE drip_feed.runs_released <> runs.made
               OR drip_feed.next_run_at IS NULL AND runs.charged + parent.refunded <> parent.charge
               OR drip_feed.next_run_at IS NULL AND runs.under_way = 0 AND parent.status = 'In progress'
        """,
    ),
    Check(
        name="posts that were told",
        explanation="Of each served post a fed subscription has one order for its address, and counts it.",
        sql="""
            SELECT subscription.order_id AS order, subscription.posts_done, subscription.old_posts_done,
                   posts.served, posts.old, posts.made
            FROM orders_subscription subscription
            CROSS JOIN LATERAL (
                SELECT count(*) FILTER (WHERE NOT post.old) AS served,
                       count(*) FILTER (WHERE post.old) AS old,
                       count(*) FILTER (WHERE child.parent_id = post.subscription_id
                                          AND child.link_key = post.url_key) AS made
                FROM orders_fedpost post JOIN orders_order child ON child.id = post.order_id
                WHERE post.subscription_id = subscription.order_id AND post.outcome = 'served'
            ) AS posts
            JOIN orders_order parent ON parent.id = subscription.order_id
            WHERE (subscription.live OR posts.served + posts.old > 0)
              AND (posts.served <> subscription.posts_done OR posts.old <> subscription.old_posts_done
                   OR posts.made <> posts.served + posts.old
                   OR posts.made <> (SELECT count(*) FROM orders_order WHERE parent_id = parent.id)
                   OR subscription.live <> (parent.status IN ('Active', 'Paused')))
        """,
    ),
    Check(
        name="wishes to cancel",
        explanation="No order waits for its hand-over while its customer waits for a cancel.",
        sql="""
            SELECT orders.id AS order, orders.status, orders.dispatch
            FROM orders_cancelrequest request JOIN orders_order orders ON orders.id = request.order_id
            WHERE request.status = 'requested' AND orders.dispatch IN ('queued', 'held', 'never')
        """,
    ),
)
