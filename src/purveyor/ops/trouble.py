"""What can go wrong around the panel, said in one line to the person who runs it."""

import errno
import shutil
import sys
from pathlib import Path

from purveyor.configuration import WrongSetting

_MEGABYTE = 1024 * 1024
DISK_FREE_TO_RUN_BYTES = 64 * _MEGABYTE  # PostgreSQL needs room to recover in before it takes anything
DISK_FREE_TO_BEGIN_BYTES = 256 * _MEGABYTE  # a fresh panel takes 60 MB, and more with its first orders
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
# The last one is PostgreSQL's hint where the system wrote a part and told no error.
_FULL_WORDS = ("No space left on device", "Disk quota exceeded", "Check free disk space")


class Trouble(Exception):
    """Something the operator has to put right; the text is one line that says what and how."""


def full_disk(folder: Path) -> Trouble:
    """Return the trouble of a disk without room for the data in `folder`."""
    return Trouble(
        f"the disk that holds {folder} is full: free some space there "
        f"({DISK_FREE_TO_BEGIN_BYTES // _MEGABYTE} MB at least), or set PURVEYOR_HOME to one on another disk"
    )


def require_free_disk(folder: Path, *, at_least_bytes: int) -> None:
    """Raise `Trouble` when the disk that holds `folder` has less room than that."""
    if shutil.disk_usage(folder).free < at_least_bytes:
        raise full_disk(folder)


def speaks_of_full_disk(text: str) -> bool:
    """Whether the words of a program or an error mean that a disk is full."""
    return any(sign in text for sign in _FULL_WORDS)


def of_file(error: OSError, *, folder: Path) -> Trouble:
    """Return the trouble behind a failed file operation in the data folder."""
    if error.errno in _FULL:
        return full_disk(folder)
    return Trouble(f"{error.filename or folder} cannot be used: {error.strerror or error}")


def of_database(error: Exception, *, embedded_in: Path | None) -> Trouble:
    """Return the trouble behind an error of the database.

    `embedded_in` is the data folder of the embedded server, None for one named by DATABASE_URL. The driver's
    message names host and user, never the password.
    """
    if speaks_of_full_disk(str(error)):
        if embedded_in is not None:
            return full_disk(embedded_in)
        return Trouble("the disk of the database server is full: free some space there")
    words = " ".join(str(error).split())
    return Trouble(f"the database cannot be used: {words}")


def in_one_line(error: BaseException, *, embedded_in: Path | None) -> str | None:
    """Say an error to the operator, or None where it is a defect of ours that needs its traceback."""
    if isinstance(error, Trouble | WrongSetting):
        return " ".join(str(error).split())
    if isinstance(error, OSError) and error.errno in _FULL:
        return str(full_disk(embedded_in or Path(error.filename or ".")))
    if isinstance(error, _loaded("django.db", "OperationalError") + _loaded("psycopg", "OperationalError")):
        return str(of_database(error, embedded_in=embedded_in))  # type: ignore[arg-type]  # narrowed above
    if isinstance(error, _loaded("django.db", "DataError")):
        # Longer or larger than its column, as typed; what follows the first line is PostgreSQL's own detail.
        return f"this cannot be kept: {str(error).partition(chr(10))[0]}"
    if isinstance(
        error,
        _loaded("purveyor.accounts.people", "AccountError")
        + _loaded("purveyor.money.moving", "MoneyError")
        + _loaded("purveyor.orders.refusals", "Refusal")
        + _loaded("purveyor.catalog.service_settings", "ServiceSettingError")
        + _loaded("purveyor.providers.desks.desks", "DeskTrouble")
        + _loaded("purveyor.providers.desks.job_states", "JobRefusal")
        + _loaded("purveyor.providers.sync.importing", "ImportTrouble")
        + _loaded("purveyor.providers.standing.provider_settings", "ProviderSettingError")
        + _loaded("purveyor.providers.sync.pricing", "WrongPricing")
        + _loaded("purveyor.providers.sync.change_rules", "WrongRule")
        + _loaded("purveyor.providers.sync.changing", "WrongChange")
        + _loaded("purveyor.providers.following.late_orders", "NotAsked")
        + _loaded("purveyor.providers.routes.arranging", "CannotArrange")
        + _loaded("purveyor.providers.elsewhere.refilling", "CannotRefill")
        + _loaded("purveyor.providers.outcomes.settling", "CannotSettle"),
    ):
        return str(error)
    return None


def _loaded(module: str, name: str) -> tuple[type[BaseException], ...]:
    """Look a class of errors up where it is loaded: if it is not, nobody raised it."""
    return (getattr(sys.modules[module], name),) if module in sys.modules else ()
