"""Load over HTTP with wrk: one thread, 32 keep-alive connections."""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import programs

CONNECTIONS: Final = 32
_SCRIPTS: Final = Path(__file__).with_name("load")
_GRACE_SECONDS: Final = 30


class WrongReplies(Exception):
    """The panel answered something other than what the load asked for."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a run of wrk measured."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    right: int
    """Replies that a script looked at and found right; 0 where it does not look."""

    @property
    def per_second(self) -> float:
        """Requests answered per second."""
        return self.requests / self.seconds


def run(*, script: str, url: str, seconds: int, arguments: Sequence[str]) -> Load:
    """Load `url` by a script of bench/load. Raises `WrongReplies` if any reply is wrong or missing."""
    command = [programs.path_of("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s"]
    command += ["-s", str(_SCRIPTS / f"{script}.lua"), url, "--", *arguments]
    ended = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=seconds + _GRACE_SECONDS
    )
    return read(ended.stdout)


def read(output: str) -> Load:
    """Read the line that bench/load/reporting.lua prints. Raises `WrongReplies`; ValueError without it."""
    line = re.search(r"^measured (.*)$", output, re.MULTILINE)
    if line is None:
        raise ValueError(f"wrk printed no measurement: {output}")
    numbers = {name: int(value) for name, value in (pair.split("=") for pair in line[1].split())}
    wrong = numbers["wrong"] + numbers["status"] + numbers["socket"]
    if wrong or not numbers["requests"]:
        example = re.search(r"^example (.*)$", output, re.MULTILINE)
        raise WrongReplies(f"{line[1]}; {example[1] if example else 'no example'}")
    return Load(
        requests=numbers["requests"],
        seconds=numbers["microseconds"] / 1e6,
        p50_ms=numbers["p50"] / 1e3,
        p99_ms=numbers["p99"] / 1e3,
        right=numbers["right"],
    )
