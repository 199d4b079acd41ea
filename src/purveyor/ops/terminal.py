"""What every command of the operator's needs: the panel's database, a voice, and who is typing."""

import getpass
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from purveyor.accounts.models import HashedKey


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


class CommandGroup(click.Group):
    """Commands, listed with the whole first sentence of each, which click would cut at the line's end."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands with what they do."""
        rows = [
            (name, self.commands[name].get_short_help_str(sys.maxsize)) for name in self.list_commands(ctx)
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def in_usage_line(wrong_use: click.ClickException) -> str:
    """What was typed wrongly, in one line, and which help tells the right way."""
    message = in_one_line(wrong_use.format_message()).removesuffix(".")
    message = f"{message[:1].lower()}{message[1:]}"
    context = wrong_use.ctx if isinstance(wrong_use, click.UsageError) else None
    return f"{message} (see `{context.command_path} --help`)" if context else message


def table(rows: Iterable[Sequence[str]], *, none: str) -> Iterator[str]:
    """Rows of equally many cells as lines in which these stand below each other, or what `none` says."""
    rows = list(rows)
    if not rows:
        yield none
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


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


def counted(number: int, noun: str) -> str:
    """1 change, 2 changes."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def key_state(key: "HashedKey") -> tuple[str, str]:
    """Whether a key is good, and when it was last used."""
    return (
        f"revoked {key.revoked_at:%Y-%m-%d %H:%M} UTC" if key.revoked_at else "live",
        f"last used {key.last_used_at:%Y-%m-%d %H:%M} UTC" if key.last_used_at else "never used",
    )


def actor() -> str:
    """Who is typing, for what the books keep."""
    return f"{getpass.getuser()} (command line)"
