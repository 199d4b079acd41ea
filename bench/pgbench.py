"""Baselines straight on PostgreSQL: the embedded server's own pgbench, 32 clients, prepared statements."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bench.wrk import CONNECTIONS
from purveyor import configuration
from purveyor.ops import database_files

_SCRIPTS: Final = Path(__file__).with_name("baseline")
_GRACE_SECONDS: Final = 30


def run(*, home: Path, script: str, seconds: int, variables: Mapping[str, int]) -> float:
    """Transactions per second of a script of bench/baseline against the embedded server of `home`."""
    command = [str(database_files.program("pgbench")), "--no-vacuum", "--protocol=prepared"]
    command += [f"--client={CONNECTIONS}", "--jobs=1", f"--time={seconds}"]
    command += [f"--file={_SCRIPTS / f'{script}.sql'}"]
    command += [f"--define={name}={value}" for name, value in variables.items()]
    ended = subprocess.run(
        [*command, configuration.embedded_url(home)],
        check=True,
        capture_output=True,
        text=True,
        timeout=seconds + _GRACE_SECONDS,
        env=database_files.environment(),
    )
    return read(ended.stdout)


def read(output: str) -> float:
    """The rate that pgbench reports. Raises ValueError if there is none, or if a transaction failed."""
    rate = re.search(r"^tps = ([0-9.]+)", output, re.MULTILINE)
    failed = re.search(r"^number of failed transactions: (\d+)", output, re.MULTILINE)
    if rate is None or failed is None or int(failed[1]):
        raise ValueError(f"pgbench did not measure: {output}")
    return float(rate[1])
