"""Run a command without root's rights: PostgreSQL refuses to start with them.

As a program: ``python unprivileged.py namespace|UID:GID [--reach PATH]... -- [COMMAND...]``.

In its own user namespace root looks like an ordinary user while the kernel still lets it at its own files, so
nothing has to change hands and no folder has to be opened to others. Where namespaces are forbidden (most
containers), the rights are given up for good and the command runs as another user of the system.

This file is run by path, before anything else is importable for the other user: standard library only.
"""

import ctypes
import os
import pwd
import sys
from pathlib import Path

_NEW_USER_NAMESPACE = 0x10000000  # CLONE_NEWUSER of <linux/sched.h>

CANNOT_DROP = 77  # exit status: this way of giving up root is not to be had here
CANNOT_REACH = 78  # exit status: without root's rights one of the paths is out of reach


def enter_namespace() -> None:
    """Move this process to a user namespace where root is an ordinary user. Raises OSError if forbidden."""
    inside = _ordinary_user_id()
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(_NEW_USER_NAMESPACE) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{inside} {user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{inside} {group} 1", encoding="ascii")


def become(user: int, group: int) -> None:
    """Give up root for good in favour of another user. Raises OSError if forbidden."""
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)


def _ordinary_user_id() -> int:
    # PostgreSQL's tools look their user's name up, so the id must have one.
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return next(entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid != 0)


def main(arguments: list[str]) -> int:
    """Give up root's rights as told, check what must be in reach, become the command."""
    way, *options = arguments[: arguments.index("--")]
    command = arguments[arguments.index("--") + 1 :]
    try:
        if way == "namespace":
            enter_namespace()
        else:
            user, group = way.split(":")
            become(int(user), int(group))
    except (OSError, StopIteration):
        return CANNOT_DROP
    reach = [path for flag, path in zip(options[::2], options[1::2], strict=True) if flag == "--reach"]
    if not all(os.access(path, os.X_OK) for path in reach):
        return CANNOT_REACH
    if not command:
        return 0
    return os.execv(command[0], command)  # noqa: S606  no shell is meant


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
