"""What an operator sees of the door: one log line per request, without the key, and metrics per action.

Lines are gathered and written together, because a write per request would cost as much as the request itself.
"""

import asyncio
import atexit
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import BinaryIO, Final

import msgspec
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from purveyor.logs import as_logfmt

FLUSH_SECONDS: Final = 0.05
"""How long a line may wait to be written."""
BUFFERED_LINES_MAX: Final = 2000
DURATION_BUCKETS_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Outcome(StrEnum):
    """How a request ended."""

    OK = "ok"
    REFUSED = "refused"  # answered 200 with an error
    UNAUTHORISED = "unauthorised"  # no such key
    THROTTLED = "throttled"
    UNREADABLE = "unreadable"  # too large, too slow
    GONE = "gone"  # the client hung up
    TROUBLE = "trouble"  # ours


class RequestLine(msgspec.Struct, omit_defaults=True):
    """The line about one request."""

    at: str
    event: str
    action: str
    outcome: str
    ms: float
    customer: int = 0
    key: str = ""
    """The visible prefix of the key."""
    address: str = ""
    """Of the client, where the key is nobody's or not known yet."""
    status: int = 200
    trouble: str = ""


class RequestLog:
    """Writes request lines to `output`, many at once; `form` is the panel's setting, "json" or "text"."""

    def __init__(self, output: BinaryIO, *, form: str) -> None:
        self._output = output
        self._encode: Callable[[RequestLine], bytes] = (
            msgspec.json.Encoder().encode if form == "json" else _as_text
        )
        self._lines: list[bytes] = []
        self._flush_is_due = False
        self._second = 0
        self._second_text = ""
        atexit.register(self.flush)

    def now(self) -> str:
        """The time of day to the millisecond; its part down to the second is written once a second."""
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second = second
            self._second_text = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second))
        return f"{self._second_text}{int((now - second) * 1000):03d}Z"

    def write(self, line: RequestLine) -> None:
        """Take a line; it is written within 50 ms. Call it on the event loop."""
        self._lines.append(self._encode(line))
        if not self._flush_is_due:
            self._flush_is_due = True
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
        elif len(self._lines) >= BUFFERED_LINES_MAX:
            self._write_out()

    def flush(self) -> None:
        """Write what was gathered."""
        self._flush_is_due = False
        self._write_out()

    def _write_out(self) -> None:
        lines, self._lines = self._lines, []
        if lines:
            self._output.write(b"\n".join(lines) + b"\n")
            self._output.flush()


def _as_text(line: RequestLine) -> bytes:
    facts = msgspec.json.decode(msgspec.json.encode(line))
    return as_logfmt(None, "", facts).encode("utf-8", "replace")


@dataclass(slots=True)
class _Durations:
    """Counts per bucket of one action's requests; the last is of those slower than every bound."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(DURATION_BUCKETS_SECONDS) + 1))
    total_seconds: float = 0.0


class Figures(Collector):
    """Counts of one process's door. Plain numbers: only the event loop writes them."""

    def __init__(self) -> None:
        self._requests: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._durations: defaultdict[str, _Durations] = defaultdict(_Durations)

    def count(self, *, action: str, outcome: str, seconds: float) -> None:
        """Count one request."""
        self._requests[action, outcome] += 1
        durations = self._durations[action]
        durations.counts[bisect_left(DURATION_BUCKETS_SECONDS, seconds)] += 1
        durations.total_seconds += seconds

    def collect(self) -> Iterator[Metric]:
        """What Prometheus reads."""
        requests = CounterMetricFamily(
            "purveyor_api_requests", "Requests to API v2", labels=["action", "outcome"]
        )
        for (action, outcome), number in self._requests.items():
            requests.add_metric([action, outcome], number)
        yield requests
        durations = HistogramMetricFamily(
            "purveyor_api_request_seconds", "Time from a request's head to its answer", labels=["action"]
        )
        for action, seen in self._durations.items():
            durations.add_metric([action], _cumulated(seen.counts), seen.total_seconds)
        yield durations


def _cumulated(counts: Iterable[int]) -> list[tuple[str, float]]:
    bounds = [*map(str, DURATION_BUCKETS_SECONDS), "+Inf"]
    buckets, total = [], 0
    for bound, number in zip(bounds, counts, strict=True):
        total += number
        buckets.append((bound, float(total)))
    return buckets


def registry(*collectors: Collector) -> CollectorRegistry:
    """A registry of these collectors and of the process itself: memory, processor time, open files."""
    made = CollectorRegistry()
    for collector in collectors:
        made.register(collector)
    ProcessCollector(registry=made)
    PlatformCollector(registry=made)
    GCCollector(registry=made)
    return made
