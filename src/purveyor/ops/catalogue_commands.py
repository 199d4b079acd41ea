"""Commands about what is taken over from providers' lists: previews, imports, syncs and change sets."""

from collections.abc import Callable
from typing import Any

import click

from purveyor.ops.terminal import Amount, CommandGroup, actor, counted, panel_database, say

EVERY_PROVIDER = "all"
"""In place of a provider's name: all that have no rule of their own."""
KINDS = (
    "new",
    "back",
    "dearer",
    "cheaper",
    "min",
    "max",
    "refill",
    "cancel",
    "dripfeed",
    "renamed",
    "description",
    "category",
    "gone",
    "type",
)
_Command = Callable[..., None]


@click.group(cls=CommandGroup)
def catalogue() -> None:
    """What providers list: preview, import, sync, and the changes that syncs find."""


def _choosing(command: _Command) -> _Command:
    """The options that say what of a list is imported, and at which price."""
    options = (
        click.option(
            "--category", "categories", multiple=True, help="One of the provider's; may be repeated."
        ),
        click.option("--service", "services", multiple=True, help="The provider's id; may be repeated."),
        click.option("--markup", type=Amount(), required=True, help="Percent on top of the true cost."),
        click.option("--fixed", type=Amount(), default="0", help="Added to that, per 1000 or per package."),
        click.option("--round", "step", type=Amount(), default="0.00001", help="Make rates multiples of it."),
        click.option(
            "--direction",
            type=click.Choice(["up", "nearest", "down"]),
            default="up",
            help="Where to round; never below cost.",
        ),
        click.option("--below-cost", is_flag=True, help="Let a rate be less than the cost after all."),
        click.option(
            "--into", default="", help="The category of ours, made where missing; else the provider's."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return click.argument("provider")(command)


@catalogue.command("preview")
@_choosing
def preview_import(*, provider: str, **chosen: Any) -> None:
    """Show what an import from PROVIDER would make, at which price, and what it would skip and why."""
    with panel_database():
        from purveyor.ops import provider_lines
        from purveyor.ops.catalogue_listing import choice_of, preview_lines

        for line in preview_lines(provider=provider_lines.find(provider), choice=choice_of(**chosen)):
            say(line)


@catalogue.command("import")
@_choosing
def import_from(*, provider: str, **chosen: Any) -> None:
    """Make services of ours of what PROVIDER lists: of all of it, or of the categories and services named."""
    with panel_database():
        from purveyor.ops import provider_lines
        from purveyor.ops.catalogue_listing import choice_of, made_lines
        from purveyor.providers.sync.importing import import_services

        made = import_services(provider=provider_lines.find(provider), choice=choice_of(**chosen))
        for line in made_lines(made):
            say(line)


@catalogue.command("sync")
@click.argument("provider")
def sync(*, provider: str) -> None:
    """Read the list of PROVIDER now, and let our services follow it as the rules say."""
    with panel_database():
        from purveyor.ops import provider_lines
        from purveyor.providers.sync.syncing import GONE_AFTER_SECONDS, sync_provider

        synced = sync_provider(provider_lines.find(provider))
        say(
            f"{synced.listed} services listed: {synced.added} new, {synced.changed} changed, "
            f"{synced.gone} gone; {synced.unreadable} rows unreadable"
        )
        if synced.missing:
            minutes = GONE_AFTER_SECONDS // 60
            say(f"{synced.missing} are missing: gone if the list lacks them in {minutes} minutes, too")
        if synced.change_set is not None:
            say(f"The changes are change set {synced.change_set}")


@catalogue.command("changes")
@click.option("--provider", help="Of this provider only.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many to show."
)
@click.option("--all", "everything", is_flag=True, help="Also sets from which nothing of ours follows.")
def list_changes(*, provider: str | None, limit: int, everything: bool) -> None:
    """List the newest change sets."""
    with panel_database():
        from purveyor.ops import provider_lines
        from purveyor.ops.catalogue_listing import set_lines

        found = provider_lines.find(provider) if provider else None
        for line in set_lines(provider=found, number=limit, everything=everything):
            say(line)


@catalogue.command("show")
@click.argument("change_set", metavar="SET", type=int)
@click.option("--all", "everything", is_flag=True, help="Also changes from which nothing of ours follows.")
def show_set(*, change_set: int, everything: bool) -> None:
    """Show every change of SET: at the provider, to our services, and who decided it."""
    with panel_database():
        from purveyor.ops.catalogue_listing import change_lines

        for line in change_lines(change_set_id=change_set, everything=everything):
            say(line)


def _deciding(command: _Command) -> _Command:
    """What is decided about, and why."""
    command = click.option("--reason", default="", help="Why; kept with the decision.")(command)
    command = click.option("--change", type=int, help="Only this change, by its number.")(command)
    return click.argument("change_set", metavar="[SET]", type=int, required=False)(command)


def _decide(verb: str, done: str, *, change_set: int | None, change: int | None, reason: str) -> None:
    if (change_set is None) == (change is None):
        raise click.UsageError("name either a change set or, with --change, a change")
    with panel_database():
        from purveyor.providers.sync import changing

        decide = {
            "apply": changing.apply_changes,
            "ignore": changing.ignore_changes,
            "rollback": changing.roll_back,
        }[verb]
        decided = decide(change_set=change_set, change=change, actor=actor(), reason=reason)
        say(f"{done} {counted(decided.changes, 'change')}")
        for line in decided.left:
            say(f"Left: {line}")


@catalogue.command("apply")
@_deciding
def apply(**decision: Any) -> None:
    """Let our services follow what waits in SET, or one change."""
    _decide("apply", "Applied", **decision)


@catalogue.command("ignore")
@_deciding
def ignore(**decision: Any) -> None:
    """Leave our services as they are, whatever waits in SET, or one change."""
    _decide("ignore", "Ignored", **decision)


@catalogue.command("rollback")
@_deciding
def rollback(**decision: Any) -> None:
    """Give our services back what SET, or one change, changed; what something newer touched is reported."""
    _decide("rollback", "Rolled back", **decision)


@catalogue.command("rule")
@click.argument("provider")
@click.argument("kind", metavar="KIND", type=click.Choice(KINDS))
@click.argument(
    "verdict",
    metavar="{apply|retrace|wait|ignore}",
    type=click.Choice(["apply", "retrace", "wait", "ignore"]),
)
def rule(*, provider: str, kind: str, verdict: str) -> None:
    """Say what becomes by itself of changes of KIND; PROVIDER `all` is all without their own rule.

    KIND is new, back, gone, dearer, cheaper, min, max, refill, cancel, dripfeed, renamed, description,
    category or type.
    """
    with panel_database():
        from purveyor.ops import provider_lines
        from purveyor.providers.models import ChangeKind, Verdict
        from purveyor.providers.sync.change_rules import set_rule

        found = None if provider == EVERY_PROVIDER else provider_lines.find(provider)
        set_rule(provider=found, kind=ChangeKind(kind), verdict=Verdict(verdict))
        say(f"From the next sync on, {kind} of {found or 'every provider'}: {verdict}")
