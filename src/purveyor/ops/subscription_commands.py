"""Commands about subscriptions that post events feed."""

import click

from purveyor.ops.terminal import CommandGroup, panel_database, say


@click.group(cls=CommandGroup)
def subscription() -> None:
    """Subscriptions fed by post events: list, post, pause, resume, cancel, key."""


@subscription.command("list")
def list_subscriptions() -> None:
    """List those that have not ended, oldest first."""
    with panel_database():
        from purveyor.ops import fed_subscriptions

        for line in fed_subscriptions.lines():
            say(line)


@subscription.command("post")
@click.argument("url")
@click.option("--subscription", "subscription_id", type=int, help="The subscription it belongs to.")
@click.option("--username", help="Instead: every subscription to this account.")
@click.option("--service", "service_id", type=int, help="With --username: only those of this service.")
@click.option("--old", is_flag=True, help="It was there before the subscription.")
def tell_post(
    *, url: str, subscription_id: int | None, username: str | None, service_id: int | None, old: bool
) -> None:
    """Tell of a post at URL: an order is made of it, once however often it is told."""
    if (subscription_id is None) is (username is None):
        raise click.UsageError("say either --subscription or --username")
    with panel_database():
        from purveyor.orders import feeding

        if username is not None:
            told = feeding.tell_post_of(username=username, url=url, old=old, service_id=service_id)
        else:
            told = [feeding.tell_post(subscription_id=subscription_id or 0, url=url, old=old)]
        for item in told:
            made = f"order {item.order_id}" if item.order_id else "no order"
            say(f"Subscription {item.subscription_id}: {made}{f' ({item.reason})' if item.reason else ''}")
        if not told:
            say("No subscription that post events feed follows this account")


@subscription.command("pause")
@click.argument("subscription_id", metavar="SUBSCRIPTION", type=int)
@click.option("--reason", default="", help="Why, in words that its customer may read.")
def pause_subscription(*, subscription_id: int, reason: str) -> None:
    """Serve no post of SUBSCRIPTION that is made until it is resumed."""
    with panel_database():
        from purveyor.orders.pausing import pause

        pause(order_id=subscription_id, reason=reason)
        say(f"Subscription {subscription_id} is paused")


@subscription.command("resume")
@click.argument("subscription_id", metavar="SUBSCRIPTION", type=int)
def resume_subscription(*, subscription_id: int) -> None:
    """Serve posts of SUBSCRIPTION again."""
    with panel_database():
        from purveyor.orders.pausing import resume

        resume(order_id=subscription_id)
        say(f"Subscription {subscription_id} is active")


@subscription.command("cancel")
@click.argument("subscription_id", metavar="SUBSCRIPTION", type=int)
def cancel_subscription(*, subscription_id: int) -> None:
    """End SUBSCRIPTION; the orders that its posts have made go on."""
    with panel_database():
        from purveyor.orders.pausing import stop

        stop(order_id=subscription_id)
        say(f"Subscription {subscription_id} is canceled")


@subscription.command("key")
@click.option("--label", default="", help="Who or what uses it.")
def create_key(*, label: str) -> None:
    """Make a key for a program that tells of posts; it is printed once. `purveyor desk revoke` ends it."""
    with panel_database():
        from purveyor.accounts.keys import create_staff_key
        from purveyor.orders.feeding import SCOPE

        _, text = create_staff_key(name=label, scopes=[SCOPE])
        say(text)
