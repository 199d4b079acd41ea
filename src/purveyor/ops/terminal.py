"""What every command of the operator's needs: the panel's database, a voice, and who is typing."""

import getpass
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from typing import Any

import click


class Amount(click.ParamType[Decimal]):
    """An amount of money as typed: 25 or -3.50."""

    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """The amount as a decimal; anything else is refused in words."""
        try:
            amount = Decimal(value)
        except InvalidOperation:
            amount = Decimal("NaN")
        if not amount.is_finite():
            self.fail(f"{value!r} is not an amount such as 25 or -3.50", param, ctx)
        return amount


def say(text: str) -> None:
    """Tell the operator something at once, also through a pipe."""
    click.echo(text)
    sys.stdout.flush()


def in_one_line(text: str) -> str:
    """A stranger's text without line breaks and without what would command the terminal."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def require_utf8(words: Iterable[str]) -> None:
    """Refuse what was typed in another encoding, which no database and no terminal of ours can hold.

    Python keeps such bytes as lone surrogates. Raises `click.UsageError`.
    """
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise click.UsageError(f"{ascii(os.fsencode(word))[1:]} is not UTF-8 text") from None


@contextmanager
def panel_database() -> Iterator[None]:
    """The panel's database, running and migrated."""
    from purveyor.ops import migrating, panel

    with panel.database():
        migrating.require_migrated()
        yield


def actor() -> str:
    """Who is typing, for what the books keep."""
    return f"{getpass.getuser()} (command line)"
