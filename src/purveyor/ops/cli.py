"""The operator's command line: `purveyor`."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

import click

from purveyor import configuration
from purveyor.configuration import WrongSetting
from purveyor.ops import trouble
from purveyor.ops.catalogue_commands import catalogue
from purveyor.ops.customer_commands import customer, key
from purveyor.ops.desk_commands import desk
from purveyor.ops.event_commands import events
from purveyor.ops.order_commands import order
from purveyor.ops.provider_commands import provider
from purveyor.ops.refill_commands import refill
from purveyor.ops.route_commands import route
from purveyor.ops.service_commands import service
from purveyor.ops.subscription_commands import subscription
from purveyor.ops.terminal import CommandGroup, in_usage_line, panel_database, require_utf8, say
from purveyor.ops.times_commands import forecast, low_balance, promise, times
from purveyor.ops.unknown_commands import unknown

INTERRUPTED = 130  # exit status, as shells have it for Ctrl-C


def main() -> NoReturn:
    """Run the command that was typed; what the operator can mend is said in one line, with exit status 1."""
    # The data folder is private to its user, and so is every file made in it.
    os.umask(0o077)
    try:
        require_utf8(sys.argv[1:])
        _share_demo_settings()
        sys.exit(commands.main(prog_name="purveyor", standalone_mode=False))
    except click.exceptions.NoArgsIsHelpError as nothing_said:
        nothing_said.show()
        sys.exit(nothing_said.exit_code)
    except click.ClickException as wrong_use:
        click.echo(f"purveyor: {in_usage_line(wrong_use)}", err=True)
        sys.exit(wrong_use.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except Exception as error:
        line = trouble.in_one_line(error, embedded_in=_embedded_home())
        if line is None:
            raise
        click.echo(f"purveyor: {line}", err=True)
        sys.exit(1)


def _share_demo_settings() -> None:
    from purveyor.ops.up import share_demo_settings

    # Whatever is wrong with the settings is said by commands that need them.
    with suppress(WrongSetting):
        share_demo_settings()


def _embedded_home() -> Path | None:
    try:
        settings = configuration.current()
    except WrongSetting:
        return None
    return settings.home if settings.embedded else None


def _say_to_whoever_listens(text: str) -> None:
    # The terminal may be gone, or the pipe's reader: no reason for a panel to stop.
    with suppress(OSError):
        say(text)


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="purveyor", message="%(prog)s %(version)s")
def commands() -> None:
    """Run a Purveyor panel. Settings come from the environment; docs/settings.md lists them."""
    configuration.current()


@commands.command()
@click.option(
    "--with-parent",
    is_flag=True,
    help="Stop also when the process that started this one (make) dies or is interrupted.",
)
def up(*, with_parent: bool) -> None:
    """Start everything: database, migrations, demo, site, API, worker."""
    from purveyor.ops.up import up as start_everything

    start_everything(say=_say_to_whoever_listens, with_parent=with_parent)


@commands.command()
def serve() -> None:
    """Serve site and API on one port."""
    from purveyor.ops import serving

    with _database_of_children():
        serving.serve()


@commands.command()
def worker() -> None:
    """Hand orders to providers and follow them."""
    with _database_of_children():
        import logging

        from purveyor import logs
        from purveyor.ops import panel

        panel.prepare_django()
        from purveyor.providers import worker as fulfilment

        logs.configure(form=configuration.current().log_form, least=logging.INFO, stream=sys.stdout)
        fulfilment.run()


@contextmanager
def _database_of_children() -> Iterator[None]:
    """The database for `serve` and `worker`: found ready under `up`, checked when started by themselves."""
    from purveyor.ops import lifeline, panel

    if lifeline.hold_to_supervisor():
        yield
        return
    with panel_database():
        panel.close_connections()
        yield


@commands.command()
def simulate() -> None:
    """Be a simulated provider: that of the demo, or with a PURVEYOR_HOME of its own another one."""
    from purveyor.ops import lifeline, simulation

    lifeline.hold_to_supervisor()
    simulation.simulate(say=_say_to_whoever_listens)


@commands.command()
def migrate() -> None:
    """Bring the database's tables up to date."""
    from purveyor.ops import migrating, panel

    with panel.database(say=say, may_be_new=True):
        migrating.migrate(say=say)
        say("The database is up to date.")


@commands.command()
def audit() -> None:
    """Prove that every cent and every order adds up; exit with status 1 if not."""
    with panel_database():
        from purveyor.ops.audit import audit as prove

        holds = prove(say=say)
    if not holds:
        sys.exit(1)


@commands.command()
def demo() -> None:
    """Put the demo's people, key and catalogue into the database."""
    with panel_database():
        from purveyor.ops.demo import make_demo

        make_demo(say=say)


for group in (
    catalogue,
    customer,
    desk,
    events,
    forecast,
    key,
    low_balance,
    order,
    promise,
    provider,
    refill,
    route,
    service,
    subscription,
    times,
    unknown,
):
    commands.add_command(group)


if __name__ == "__main__":
    main()
