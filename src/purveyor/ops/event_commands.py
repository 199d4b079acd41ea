"""The command that lists what happened."""

import json

import click

from purveyor.ops.terminal import in_one_line, panel_database, say
from purveyor.outbox.kinds import KINDS

SHOWN_UNLESS_TOLD = 50
MOST_SHOWN = 1_000


@click.command()
@click.option(
    "--after", type=click.IntRange(min=0), help="Only what comes after this position, oldest first."
)
@click.option(
    "--kind",
    type=click.Choice(sorted(KINDS)),
    metavar="KIND",
    help="Only these; docs/events.md lists the kinds.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, MOST_SHOWN),
    default=SHOWN_UNLESS_TOLD,
    show_default=True,
    help="How many to show.",
)
def events(*, after: int | None, kind: str | None, limit: int) -> None:
    """List what happened: position, time, kind, subject, customer, data. Without --after the newest."""
    with panel_database():
        from purveyor.outbox.listing import listed

        for event in listed(after=after, kind=kind, limit=limit):
            whose = f"customer {event.customer_id}" if event.customer_id else "panel"
            data = " ".join(f"{name}={_shown(value)}" for name, value in event.data.items())
            say(
                f"{event.position}  {event.created_at:%Y-%m-%d %H:%M:%S} UTC  {event.kind}  {event.about}  "
                f"{whose}  {in_one_line(data)}".rstrip()
            )


def _shown(value: object) -> str:
    """A field as JSON has it, but texts as they are."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
