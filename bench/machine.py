"""What the figures were measured on, and how much memory a process takes."""

import contextlib
import os
import platform
import re
from pathlib import Path
from typing import Final

_MEGABYTE: Final = 1024 * 1024


def description() -> dict[str, object]:
    """The machine, in the form of bench/results/latest.json."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": memory // _MEGABYTE,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def resident_mb(pid: int) -> float:
    """The resident memory of a process, pages it shares with others included."""
    return _kilobytes(Path(f"/proc/{pid}/status").read_text(encoding="ascii"), "VmRSS") / 1024


def processor_seconds(pid: int) -> float:
    """The processor time of a process, of all it started, and of those of them that have ended."""
    ticks = 0
    for each in descendants(pid):
        with contextlib.suppress(OSError):  # it ended meanwhile
            stat = Path(f"/proc/{each}/stat").read_text(encoding="utf-8")
            # After the name in brackets: state is the third field, utime to cstime are the 14th to the 17th.
            ticks += sum(int(number) for number in stat.rpartition(")")[2].split()[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def descendants(pid: int) -> list[int]:
    """A process and all it started, directly or not."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            with contextlib.suppress(OSError):  # it ended meanwhile
                found += [int(child) for child in task.read_text(encoding="ascii").split()]
    return found


def _processor() -> str:
    name = re.search(
        r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE
    )
    return name[1] if name else platform.machine()


def _kilobytes(text: str, field: str) -> int:
    found = re.search(rf"^{field}:\s*(\d+) kB$", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"no {field}")
    return int(found[1])
