"""`make bench`: measure what must hold, print it, keep it, and say by the exit status whether it holds."""

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench import dispatching, filling, machine, measuring, panel, programs
from bench.figures import Figure, as_json, as_table
from bench.filling import KNOWN_ORDERS
from bench.measuring import Effort
from bench.workloads import Subject

RESULTS: Final = Path(__file__).with_name("results")
LARGE: Final = 10_000_000
FULL: Final = Effort(rounds=5, seconds=4)
QUICK: Final = Effort(rounds=1, seconds=1)


def main(arguments: list[str]) -> int:
    """Run the benchmark; 0 if every bar is met, 1 if not or if something is missing."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--large", action="store_true", help="measure above 10 million old orders")
    parser.add_argument("--quick", action="store_true", help="one short round of each: a rough look")
    options = parser.parse_args(arguments)
    try:
        programs.require_all()
    except programs.Missing as missing:
        print(f"bench: {missing}", file=sys.stderr)
        return 1
    effort = QUICK if options.quick else FULL
    where = machine.description()
    with tempfile.TemporaryDirectory(prefix="purveyor-bench-") as folder:
        measure = _large if options.large else _standard
        figures = []
        for figure in measure(Path(folder), effort):
            _say(f"{figure.bar.name}: {figure.ratio:.2f}")
            figures.append(figure)
    print()
    print(as_table(figures))
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / ("latest-large.json" if options.large else "latest.json")
    path.write_text(
        json.dumps({"figures": as_json(figures), "machine": where}, indent=2) + "\n", encoding="utf-8"
    )
    print(f"\nWritten to {path}")
    return 0 if all(figure.met for figure in figures) else 1


def _standard(folder: Path, effort: Effort) -> Iterator[Figure]:
    with _subject(folder / "panel", old_orders=KNOWN_ORDERS) as subject:
        _say("add")
        yield from measuring.adding(subject, effort, say=_say)
        _say("status")
        yield from measuring.asking_status(subject, effort)
        _say("services")
        yield measuring.listing_services(subject, effort, folder / "nginx", say=_say)
        yield measuring.memory(subject)
        _say("audit")
        panel.command(subject.filled.home, "audit")
    _say("dispatch")
    yield from dispatching.measure(folder / "dispatch", effort, say=_say)


def _large(folder: Path, effort: Effort) -> Iterator[Figure]:
    with (
        _subject(folder / "empty", old_orders=KNOWN_ORDERS) as empty,
        _subject(folder / "large", old_orders=LARGE) as large,
    ):
        yield from measuring.beside_old_orders(empty, large, effort, say=_say)
        _say("audit")
        panel.command(large.filled.home, "audit")


@contextlib.contextmanager
def _subject(home: Path, *, old_orders: int) -> Iterator[Subject]:
    _say(f"fill a panel with {old_orders:,} old orders")
    with panel.database(home):
        filled = filling.fill(home, old_orders=old_orders, say=_say)
        with panel.serving(home) as served:
            yield Subject(filled, served)


_started: Final = time.monotonic()


def _say(text: str) -> None:
    print(f"{time.monotonic() - _started:6.0f} s  {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
