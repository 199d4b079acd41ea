"""The manual of the pull API: its examples run as they stand, and its tables are complete."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from purveyor.desk import errors
from purveyor.desk.errors import DeskError, JobRefused
from purveyor.providers.desks import job_states
from purveyor.providers.desks.job_states import JobRefusal, OutOfRange, UnknownJob, Verb
from tests.desk.visitor import Visitor

MANUAL = (Path(__file__).resolve().parents[2] / "docs" / "desk.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```sh\n(.*?)```(?:\n\n```json\n(.*?)```)?", MANUAL, re.DOTALL)
TELLING = ("kind", "state", "outcome", "worker", "remains", "start_count")


def shape(value: Any) -> Any:
    """The keys and types of JSON, and the values that say what an example is about."""
    if isinstance(value, dict):
        return {key: each if key in TELLING else shape(each) for key, each in value.items()}
    return [shape(each) for each in value] if isinstance(value, list) else type(value)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize(("commands", "answer"), EXAMPLES)
def test_an_example_does_what_it_says(visitor: Visitor, commands: str, answer: str) -> None:
    visitor.ordered()
    environment = os.environ | {"PANEL": visitor.url, "KEY": visitor.key}
    if "$JOB" in commands:
        (job,) = visitor.take(count=1, worker="tool-1")
        environment["JOB"] = str(job["id"])
    shown = subprocess.run(
        ["sh", "-ec", commands.replace("\ncurl", "\necho\ncurl")],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    told = [json.loads(line) for line in shown]
    assert all("error" not in each for each in told), told
    if answer:
        assert shape(told[-1]) == shape(json.loads(answer))


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 7


def test_every_error_is_in_the_table() -> None:
    of_http = {
        (error.status.value, error.code)
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, DeskError) and error not in (DeskError, JobRefused)
    }
    of_jobs = {
        (409, refusal.code)
        for refusal in vars(job_states).values()
        if isinstance(refusal, type)
        and issubclass(refusal, JobRefusal)
        and refusal not in (JobRefusal, OutOfRange, UnknownJob)
    }
    table = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", MANUAL, re.MULTILINE)
    assert sorted((int(status), code) for status, code in table) == sorted(of_http | of_jobs)


def test_every_report_is_in_the_table() -> None:
    reports = re.findall(r"^\| `([a-z-]+)` \| ", MANUAL.partition("| Report |")[2], re.MULTILINE)
    assert sorted(reports) == sorted(Verb)
