"""The panel's database at hand, for as long as a command of the operator's works with it."""

import contextlib
import logging
import os
import sys
from collections.abc import Callable, Iterator

import django

from purveyor import configuration, logs
from purveyor.ops import database_files, embedded
from purveyor.ops.embedded import Server
from purveyor.ops.trouble import Trouble

Say = Callable[[str], None]


@contextlib.contextmanager
def database(*, say: Say = lambda _: None, may_be_new: bool = False) -> Iterator[Server | None]:
    """Have the database run and Django ready; yields the embedded server, None where DATABASE_URL names one.

    Raises `Trouble`, also where there is no data yet, unless it `may_be_new`.
    """
    settings = configuration.current()
    with contextlib.ExitStack() as stack:
        server = None
        if settings.embedded:
            if not may_be_new and not database_files.folder_of(settings.home).exists():
                raise Trouble(f"there is no panel in {settings.home} yet: start one with `purveyor up`")
            server = stack.enter_context(embedded.running(settings.home, say=say))
        prepare_django()
        try:
            yield server
        finally:
            # Before the server is told to stop, which would cut them.
            close_connections()


def prepare_django() -> None:
    """Load Django with the panel's settings."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "purveyor.settings")
    # A command speaks to the person who typed it; of what the rooms log only the bad news is for them.
    logs.configure(form="text", least=logging.WARNING, stream=sys.stderr)
    django.setup()


def close_connections() -> None:
    """Close this process's connections to the database; a child process must not share them."""
    from django.db import connections

    connections.close_all()
