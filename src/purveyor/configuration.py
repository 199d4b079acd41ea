"""The settings of a Purveyor installation, read from the environment.

This module is below every room and imports nothing but the standard library. ``SETTINGS`` is the whole
list as data: a test holds the manual against it. ``load`` turns an environment into a checked
``Configuration``; a value that cannot be meant raises ``WrongSetting``, whose text is the one line an
operator needs to read.
"""

import functools
import hashlib
import math
import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlsplit

# The kernel's limit for a Unix socket's path is 107 bytes on Linux and 103 on macOS; PostgreSQL adds a file
# name of 14 bytes ("/.s.PGSQL.5432") to the folder.
SOCKET_FOLDER_MAX_BYTES = 85
SECRET_KEY_MIN_CHARACTERS = 32
PORT_MAX = 65_535
SHOWN_MAX_CHARACTERS = 60  # of a wrong value in a complaint
PROCESSES_MAX = 64
TRUSTED_PROXIES_MAX = 16
REFILL_WAIT_HOURS_MAX = 24 * 365
EVENT_DAYS_MAX = 3650
EXCHANGE_DAYS_MAX = 3650
SIMULATOR_SPEED_MAX = 100_000.0

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104  recognised here, never the default
_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"0", "false", "no", "off"})


class WrongSetting(Exception):
    """A setting is missing or has a value that cannot be meant; the text names it and the cure."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable the panel reads."""

    name: str
    meaning: str
    default: str  # as one would type it; empty where there is none
    default_meaning: str = ""  # what happens without it, where the default is not a plain value


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "DATABASE_URL",
        "PostgreSQL 15 or newer to use, as postgresql://user:password@host:port/database.",
        "",
        "the embedded PostgreSQL in the data folder",
    ),
    Setting(
        "PURVEYOR_HOME",
        "The data folder: embedded database, secret key, logs, demo.json. Created with mode 0700.",
        "",
        ".purveyor in the checkout, or in the current folder when installed as a package",
    ),
    Setting("PORT", "The TCP port that site and API listen on.", "8000"),
    Setting("PURVEYOR_HOST", "The address that site and API listen on.", "127.0.0.1"),
    Setting(
        "PURVEYOR_DEMO",
        "1 starts with a demo catalogue, customer and simulated provider; 0 starts empty.",
        "1",
    ),
    Setting(
        "PURVEYOR_CURRENCY",
        "The currency of every price and wallet, three capital letters. Fixed with the first start.",
        "USD",
    ),
    Setting("PURVEYOR_SERVICE_ID_AS_STRING", "1 sends service ids as JSON strings instead of numbers.", "0"),
    Setting(
        "PURVEYOR_ERROR_FORM",
        "How API v2 words its errors: text is a sentence, key is a short machine key.",
        "text",
    ),
    Setting(
        "PURVEYOR_DUPLICATES",
        "What makes a second active order a duplicate: link_and_service, link, or off.",
        "link_and_service",
    ),
    Setting(
        "PURVEYOR_REFILL_WAIT_HOURS",
        "Hours after completion, and between two requests, before a refill can be asked for.",
        "24",
        "24; 0 in the demo",
    ),
    Setting(
        "PURVEYOR_SECRET_KEY",
        f"The key that signs sessions: at least {SECRET_KEY_MIN_CHARACTERS} characters, one for all nodes.",
        "",
        "made once and kept in the data folder",
    ),
    Setting(
        "PURVEYOR_ALLOWED_HOSTS",
        "Host names of the panel, with commas between. Needed when PURVEYOR_HOST is every address.",
        "",
        "localhost, 127.0.0.1, [::1] and PURVEYOR_HOST",
    ),
    Setting(
        "PURVEYOR_TRUSTED_PROXIES",
        "How many reverse proxies stand in front: so many X-Forwarded-For entries are believed.",
        "0",
    ),
    Setting("PURVEYOR_PROCESSES", "How many processes serve site and API.", "1"),
    Setting(
        "PURVEYOR_SIMULATOR_SPEED",
        "How fast the simulated provider's clock runs; 1 finishes a demo order within a minute.",
        "1.0",
    ),
    Setting(
        "PURVEYOR_EVENT_DAYS",
        "Days that events are kept; what a reader has not read yet stays three times as long.",
        "30",
    ),
    Setting(
        "PURVEYOR_EXCHANGE_DAYS",
        "Days that the wording of exchanges with providers is kept, of unknown ones after they are settled; "
        "also changes of their lists that nothing of yours followed.",
        "30",
    ),
    Setting("PURVEYOR_LOG_FORM", "Log lines as json or as text.", "json"),
)


@dataclass(frozen=True, slots=True)
class Configuration:
    """The checked settings. Fields are named after the variables."""

    database_url: str | None  # None: the embedded PostgreSQL
    home: Path  # absolute
    port: int
    host: str
    demo: bool
    currency: str
    service_id_as_string: bool
    error_form: str  # "text" | "key"
    duplicates: str  # "link_and_service" | "link" | "off"
    refill_wait_hours: int
    secret_key: str | None  # None: the one kept in the data folder
    allowed_hosts: tuple[str, ...]
    trusted_proxies: int
    processes: int
    simulator_speed: float
    event_days: int
    exchange_days: int
    log_form: str  # "json" | "text"

    @property
    def embedded(self) -> bool:
        """Whether the panel runs its own PostgreSQL in the data folder."""
        return self.database_url is None


def load(environ: Mapping[str, str]) -> Configuration:
    """Read and check every setting.

    Raises ``WrongSetting`` for the first one that is set but empty, out of range or not of its kind.
    """
    text = _Reader(environ)
    host = text.read("PURVEYOR_HOST", _host)
    return Configuration(
        database_url=text.read_optional("DATABASE_URL", _postgresql_url),
        home=text.read_optional("PURVEYOR_HOME", _folder) or default_home(),
        port=text.read("PORT", _whole(at_least=1, at_most=PORT_MAX)),
        host=host,
        demo=text.read("PURVEYOR_DEMO", _yes_or_no),
        currency=text.read("PURVEYOR_CURRENCY", _currency),
        service_id_as_string=text.read("PURVEYOR_SERVICE_ID_AS_STRING", _yes_or_no),
        error_form=text.read("PURVEYOR_ERROR_FORM", _one_of("text", "key")),
        duplicates=text.read("PURVEYOR_DUPLICATES", _one_of("link_and_service", "link", "off")),
        refill_wait_hours=text.read(
            "PURVEYOR_REFILL_WAIT_HOURS", _whole(at_least=0, at_most=REFILL_WAIT_HOURS_MAX)
        ),
        secret_key=text.read_optional("PURVEYOR_SECRET_KEY", _secret_key),
        allowed_hosts=text.read_optional("PURVEYOR_ALLOWED_HOSTS", _names) or _hosts_for(host),
        trusted_proxies=text.read(
            "PURVEYOR_TRUSTED_PROXIES", _whole(at_least=0, at_most=TRUSTED_PROXIES_MAX)
        ),
        processes=text.read("PURVEYOR_PROCESSES", _whole(at_least=1, at_most=PROCESSES_MAX)),
        simulator_speed=text.read("PURVEYOR_SIMULATOR_SPEED", _speed),
        event_days=text.read("PURVEYOR_EVENT_DAYS", _whole(at_least=1, at_most=EVENT_DAYS_MAX)),
        exchange_days=text.read("PURVEYOR_EXCHANGE_DAYS", _whole(at_least=1, at_most=EXCHANGE_DAYS_MAX)),
        log_form=text.read("PURVEYOR_LOG_FORM", _one_of("json", "text")),
    )


@functools.cache
def current() -> Configuration:
    """Return this process's settings, read once from its environment. Raises ``WrongSetting``."""
    return load(os.environ)


def database_url() -> str:
    """Return the URL of the database in use: ``DATABASE_URL``, or the embedded server's private socket."""
    settings = current()
    return settings.database_url or embedded_url(settings.home)


def embedded_url(home: Path) -> str:
    """Return the URL of the embedded server whose data is in ``home``."""
    # The port names the socket's file; left out, a stray PGPORT would choose it.
    return f"postgresql://purveyor@:5432/purveyor?host={quote(str(socket_folder(home)), safe='/')}"


def socket_folder(home: Path) -> Path:
    """Return the folder of the embedded server's socket: in ``home``, or in /tmp where that cannot be.

    The name in /tmp depends on ``home`` alone, not on ``TMPDIR``, so that every process agrees on it.
    """
    inside = home / "socket"
    # A comma would part the path into two hosts in libpq's eyes.
    if len(os.fsencode(inside)) <= SOCKET_FOLDER_MAX_BYTES and "," not in str(inside):
        return inside
    fingerprint = hashlib.sha256(os.fsencode(home)).hexdigest()[:24]
    return Path("/tmp") / f"purveyor-{fingerprint}"  # noqa: S108  made with mode 0700 and its owner checked


def secret_key() -> str:
    """Return the signing key: ``PURVEYOR_SECRET_KEY``, or the one in the data folder, made at first use.

    Raises ``WrongSetting`` where the data folder cannot be read or written.
    """
    settings = current()
    return settings.secret_key or _kept_secret_key(settings.home)


def default_home() -> Path:
    """Return ``.purveyor`` in the checkout this code runs from, or else in the current folder."""
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").is_file():
        return checkout / ".purveyor"
    return Path.cwd() / ".purveyor"


def _kept_secret_key(home: Path) -> str:
    kept = home / "secret-key"
    try:
        if not kept.exists():
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = home / f"secret-key.{secrets.token_hex(8)}"
            fresh.touch(mode=0o600)
            fresh.write_text(secrets.token_urlsafe(48), encoding="ascii")
            try:
                os.link(fresh, kept)  # fails where another process was quicker: then its key is the one
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        key = kept.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as trouble:
        raise WrongSetting(f"the secret key cannot be kept in {kept}: {_reason(trouble)}") from trouble
    if len(key) < SECRET_KEY_MIN_CHARACTERS:
        raise WrongSetting(
            f"{kept} is damaged; delete it (everyone signs in again) or restore it from a backup"
        )
    return key


def _reason(trouble: OSError | UnicodeDecodeError) -> str:
    return (trouble.strerror if isinstance(trouble, OSError) else None) or str(trouble)


T = TypeVar("T")


class _Reader:
    """Looks settings up by name and puts the name before whatever a check complains about."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._defaults = {setting.name: setting.default for setting in SETTINGS}

    def read(self, name: str, check: Callable[[str], T]) -> T:
        return self._checked(name, self._environ.get(name, self._defaults[name]), check)

    def read_optional(self, name: str, check: Callable[[str], T]) -> T | None:
        value = self._environ.get(name)
        return None if value is None else self._checked(name, value, check)

    def _checked(self, name: str, value: str, check: Callable[[str], T]) -> T:
        # Set but empty is most often a variable that was not filled in; a quiet default (another
        # database, say) would be the worse surprise.
        if not value.strip():
            raise WrongSetting(f"{name} is set but empty: give it a value or leave it out")
        try:
            return check(value.strip())
        except ValueError as complaint:
            raise WrongSetting(f"{name} {complaint}") from None


def _shown(value: str) -> str:
    return repr(value if len(value) <= SHOWN_MAX_CHARACTERS else value[:SHOWN_MAX_CHARACTERS] + "...")


def _whole(*, at_least: int, at_most: int) -> Callable[[str], int]:
    def check(value: str) -> int:
        if re.fullmatch(r"[0-9]{1,9}", value) and at_least <= int(value) <= at_most:
            return int(value)
        raise ValueError(f"must be a whole number from {at_least} to {at_most}, not {_shown(value)}")

    return check


def _one_of(*choices: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value in choices:
            return value
        raise ValueError(f"must be one of {', '.join(choices)}, not {_shown(value)}")

    return check


def _yes_or_no(value: str) -> bool:
    if value.lower() in _YES:
        return True
    if value.lower() in _NO:
        return False
    raise ValueError(f"must be 1 or 0, not {_shown(value)}")


def _speed(value: str) -> float:
    try:
        speed = float(value)
    except ValueError:
        speed = math.nan
    if 0 < speed <= SIMULATOR_SPEED_MAX:
        return speed
    raise ValueError(f"must be a number above 0 and up to {SIMULATOR_SPEED_MAX:.0f}, not {_shown(value)}")


def _currency(value: str) -> str:
    if re.fullmatch(r"[A-Z]{3}", value):
        return value
    raise ValueError(f"must be three capital letters such as USD, not {_shown(value)}")


def _host(value: str) -> str:
    if re.fullmatch(r"[0-9A-Za-z.:_-]+", value):
        return value
    raise ValueError(f"must be an address or a host name without a port, not {_shown(value)}")


def _names(value: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in value.split(",") if name.strip())
    for name in names:
        if not re.fullmatch(r"\*|\.?[0-9A-Za-z._-]+|\[[0-9A-Fa-f:.]+\]", name):
            raise ValueError(
                f"must be host names with commas between, without scheme or port, not {_shown(name)}"
            )
    return names


def _folder(value: str) -> Path:
    return Path(os.path.abspath(Path(value).expanduser()))  # noqa: PTH100  resolve() would follow links


def _secret_key(value: str) -> str:
    if len(value) >= SECRET_KEY_MIN_CHARACTERS:
        return value
    raise ValueError(f"must have at least {SECRET_KEY_MIN_CHARACTERS} characters, it has {len(value)}")


def _postgresql_url(value: str) -> str:
    # The value may hold a password, so no complaint shows it.
    expected = "must look like postgresql://user:password@host:5432/database"
    try:
        parts = urlsplit(value)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError(expected) from None
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/") or not port_is_right:
        raise ValueError(expected)
    return value


def _hosts_for(host: str) -> tuple[str, ...]:
    if host in _EVERY_ADDRESS:
        raise WrongSetting(
            "PURVEYOR_ALLOWED_HOSTS is missing: with PURVEYOR_HOST set to every address, "
            "name the hosts people will use, such as panel.example.com"
        )
    own = f"[{host}]" if ":" in host else host
    return _LOOPBACK_NAMES if own in _LOOPBACK_NAMES else (*_LOOPBACK_NAMES, own)
