"""Run a command without root's rights: PostgreSQL refuses to start with them.

As a program: ``python unprivileged.py namespace|UID:GID|UID:GID:pass [--reach PATH]... -- [COMMAND...]``.

In its own user namespace root looks like an ordinary user while the kernel still lets it at its own files, so
nothing has to change hands and no folder has to be opened to others. Where namespaces are forbidden (most
containers), the rights are given up for good and the command runs as another user of the system. If that
user has no way to the files, because they lie in root's home, it keeps one right of root's: to pass.

This file is run by path, before anything else is importable for the other user: standard library only.
"""

import ctypes
import os
import pwd
import sys
from pathlib import Path

_NEW_USER_NAMESPACE = 0x10000000  # CLONE_NEWUSER of <linux/sched.h>
# Of <linux/prctl.h>, <linux/securebits.h> and <linux/capability.h>.
_SET_SECURE_BITS = 28
_NO_SETUID_FIXUP = 1 << 2
_AMBIENT, _AMBIENT_RAISE = 47, 2
_CAPABILITY_VERSION_3 = 0x20080522
_PASS_EVERYWHERE = 1  # CAP_DAC_OVERRIDE: the one that containers leave to their root

CANNOT_DROP = 77  # exit status: this way of giving up root is not to be had here
CANNOT_REACH = 78  # exit status: without root's rights one of the paths is out of reach


def enter_namespace() -> None:
    """Move this process to a user namespace where root is an ordinary user. Raises OSError if forbidden."""
    inside = _ordinary_user_id()
    user, group = os.geteuid(), os.getegid()
    if _libc().unshare(_NEW_USER_NAMESPACE) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{inside} {user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{inside} {group} 1", encoding="ascii")


def become(user: int, group: int, *, keep_passing: bool = False) -> None:
    """Give up root for good in favour of another user. Raises OSError if forbidden.

    With `keep_passing` the files' own rights go on not to matter, for this process and those it starts.
    """
    if keep_passing:
        # Keeps capabilities over the change of user, and lets access(2), which PostgreSQL asks, respect them.
        _control(_SET_SECURE_BITS, _NO_SETUID_FIXUP)
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)
    if keep_passing:
        bit = 1 << _PASS_EVERYWHERE
        header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
        # Effective, permitted, inheritable: once for the lower 32 capabilities, once for the upper.
        wanted = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
        if _libc().capset(header, wanted) != 0:
            raise OSError(ctypes.get_errno(), "capset")
        _control(_AMBIENT, _AMBIENT_RAISE, _PASS_EVERYWHERE, 0, 0)


def _control(option: int, *values: int) -> None:
    if _libc().prctl(option, *(ctypes.c_ulong(value) for value in values)) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _ordinary_user_id() -> int:
    # PostgreSQL's tools look their user's name up, so the id must have one.
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return next(entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid != 0)


def _is_in_reach(folder: str) -> bool:
    # Not access(2), which leaves out of account what was kept of root's rights.
    try:
        Path(folder, "..").stat()
    except OSError:
        return False
    return True


def main(arguments: list[str]) -> int:
    """Give up root's rights as told, check what must be in reach, become the command."""
    way, *options = arguments[: arguments.index("--")]
    command = arguments[arguments.index("--") + 1 :]
    try:
        if way == "namespace":
            enter_namespace()
        else:
            user, group, *passing = way.split(":")
            become(int(user), int(group), keep_passing=bool(passing))
    except (OSError, AttributeError, StopIteration):  # AttributeError: a system without these calls
        return CANNOT_DROP
    reach = [path for flag, path in zip(options[::2], options[1::2], strict=True) if flag == "--reach"]
    if not all(_is_in_reach(path) for path in reach):
        return CANNOT_REACH
    if not command:
        return 0
    return os.execv(command[0], command)  # noqa: S606  no shell is meant


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
