"""The programs of the system that the benchmark needs beside the panel's own."""

import shutil
from typing import Final

_PACKAGES: Final = {"wrk": "wrk", "nginx": "nginx-light"}  # program: its package on Debian and Ubuntu


class Missing(Exception):
    """A program is not installed; the text says which, and how to get it."""


def path_of(program: str) -> str:
    """The path of a program. Raises `Missing`."""
    # Debian keeps servers in /usr/sbin, which an ordinary user's PATH may lack.
    found = shutil.which(program) or shutil.which(program, path="/usr/local/sbin:/usr/sbin:/sbin")
    if found is None:
        raise Missing(f"{program} is missing (Debian, Ubuntu: apt install {_PACKAGES[program]})")
    return found


def require_all() -> None:
    """Raise `Missing` for every program that is not there, in one text."""
    complaints = []
    for program in _PACKAGES:
        try:
            path_of(program)
        except Missing as missing:
            complaints.append(str(missing))
    if complaints:
        raise Missing("; ".join(complaints))
