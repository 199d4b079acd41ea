"""Running an example program with whatever interpreter is at hand."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

PHP_FOR_TESTS = Path(__file__).resolve().parents[1] / "php"
RUN_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Runner:
    """A way to run one of the example files."""

    name: str
    file_name: str
    command: tuple[str, ...]
    missing: str = ""
    """Why it cannot run here; empty where it can."""

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, kw_only=True)
class Run:
    """How a program ended."""

    status: int
    output: str
    """What it printed, complaints included."""


def _missing(program: str) -> str:
    return "" if shutil.which(program) else f"{program} is not installed"


def _missing_php() -> str:
    if missing := _missing("php"):
        return missing
    modules = subprocess.run(["php", "-m"], check=True, capture_output=True, text=True).stdout
    return "" if "curl" in modules.split() else "this php has no curl extension"


def _missing_wasm() -> str:
    if missing := _missing("node"):
        return missing
    installed = (PHP_FOR_TESTS / "node_modules").is_dir()
    return "" if installed else "install it with: npm ci --prefix tests/php"


RUNNERS = (
    Runner(name="php", file_name="api.php", command=("php",), missing=_missing_php()),
    Runner(
        name="php in WebAssembly",
        file_name="api.php",
        command=("node", str(PHP_FOR_TESTS / "run.mjs")),
        missing=_missing_wasm(),
    ),
    Runner(name="python", file_name="api.py", command=(sys.executable, "-W", "error")),
    Runner(name="node", file_name="api.mjs", command=("node",), missing=_missing("node")),
    Runner(name="sh", file_name="api.sh", command=("sh",), missing=_missing("curl")),
)


def run(runner: Runner, code: str, folder: Path) -> Run:
    """Run a program as pasted into a file. Skips the test where its interpreter is not at hand."""
    if runner.missing:
        pytest.skip(runner.missing)
    path = folder / runner.file_name
    path.write_text(code, encoding="utf-8")
    finished = subprocess.run(
        [*runner.command, str(path)],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=RUN_SECONDS,
    )
    return Run(status=finished.returncode, output=finished.stdout)
