"""The example programs: what they send, and what they make of every kind of answer."""

import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from django.test import Client

from purveyor.site.example_code import EXAMPLE_KEY, EXAMPLE_URL
from purveyor.site.ordering import ORDER_TYPES
from purveyor.site.reference import ACTIONS, Parameter
from tests.site.manual import code_block, code_blocks
from tests.site.recorder import Fields, Recorder, Reply, answer_as_documented, recording
from tests.site.running import RUNNERS, Run, Runner, run

KEY = "key of the test & its = signs"
each_runner = pytest.mark.parametrize("runner", RUNNERS, ids=str)
with_tour = pytest.mark.parametrize("runner", [runner for runner in RUNNERS if runner.name != "sh"], ids=str)
# Comments that a reader removes to run every call.
TOUR_COMMENT = re.compile(r"^( *)(?://|#) ((?:await )?tour\()", re.MULTILINE)
TOUR_OF_SH = """
api_services
api_order service=1 link=https://example.com/first quantity=100 idempotency_key=my-order-1001/first
api_order service=1 link=https://example.com/second quantity=100 idempotency_key=my-order-1001/second
api_status 23501
api_multi_status 23501,23501
api_refill 23501
api_refill_status 1
api_multi_refill 23501,23501
api_multi_refill_status 1,2
api_cancel 23501,23501
"""
EVERY_CALL: list[Fields] = [
    {"action": "balance"},
    {"action": "services"},
    *(
        {
            "action": "add",
            "service": "1",
            "link": f"https://example.com/{which}",
            "quantity": "100",
            "idempotency_key": f"my-order-1001/{which}",
        }
        for which in ("first", "second")
    ),
    {"action": "status", "order": "23501"},
    {"action": "status", "orders": "23501,23501"},
    {"action": "refill", "order": "23501"},
    {"action": "refill_status", "refill": "1"},
    {"action": "refill", "orders": "23501,23501"},
    # The reply's third row is an error: it is no refill id.
    {"action": "refill_status", "refills": "1,2"},
    {"action": "cancel", "orders": "23501,23501"},
]


def pasted(runner: Runner, url: str) -> str:
    """The program as the page shows it on the panel at `url`, with a key put in."""
    host = url.split("/")[2]
    page = Client().get("/api", headers={"host": host}).content.decode()
    (code,) = [code for label, code in code_blocks(page) if label.startswith(f"{runner.file_name}:")]
    assert f"http://{host}/api/v2" in code
    return code.replace(f"http://{host}/api/v2", url).replace(EXAMPLE_KEY, KEY)


def with_every_call(runner: Runner, code: str) -> str:
    if runner.name == "sh":
        return code + TOUR_OF_SH
    code, found = TOUR_COMMENT.subn(r"\1\2", code)
    assert found == 1
    return code


def ran_against(runner: Runner, folder: Path, reply: Reply) -> tuple[Run, Recorder]:
    with recording(lambda _: reply) as recorder:
        return run(runner, pasted(runner, recorder.url), folder), recorder


@each_runner
def test_as_pasted_it_shows_the_balance_and_spends_nothing(runner: Runner, tmp_path: Path) -> None:
    with recording(answer_as_documented) as recorder:
        ended = run(runner, pasted(runner, recorder.url), tmp_path)
    assert ended.status == 0, ended.output
    assert "100.84292" in ended.output
    assert {fields["action"] for fields in recorder.calls} <= {"balance", "services"}


@each_runner
def test_every_call_is_sent_whole(runner: Runner, tmp_path: Path) -> None:
    with recording(answer_as_documented) as recorder:
        ended = run(runner, with_every_call(runner, pasted(runner, recorder.url)), tmp_path)
    assert ended.status == 0, ended.output
    assert recorder.calls == [{"key": KEY, **fields} for fields in EVERY_CALL]


@each_runner
def test_an_order_keeps_its_lines_and_signs(runner: Runner, tmp_path: Path) -> None:
    comments = "Good, clear & useful: 100% = more + better\nÇok güzel, teşekkürler"
    order = {
        "api.php": f"$api->order(['service' => 2, 'comments' => \"{comments}\"]);",
        "api.py": f'    api.order(service=2, comments="""{comments}""")',
        "api.mjs": f"await api.order({{ service: 2, comments: `{comments}` }});",
        "api.sh": f"api_order service=2 'comments={comments}'",
    }[runner.file_name]
    with recording(answer_as_documented) as recorder:
        ended = run(runner, f"{pasted(runner, recorder.url)}\n{order}\n", tmp_path)
    assert ended.status == 0, ended.output
    assert recorder.calls[-1] == {"key": KEY, "action": "add", "service": "2", "comments": comments}


@each_runner
def test_a_refusal_is_told_in_the_panels_words(runner: Runner, tmp_path: Path) -> None:
    ended, _ = ran_against(runner, tmp_path, Reply(body=b'{"error":"Invalid API key"}'))
    assert "Invalid API key" in ended.output
    # The shell prints the answer and leaves the reading to its caller.
    assert (ended.status == 0) == (runner.name == "sh")


@each_runner
@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(status=503, body=b""), id="trouble"),
        pytest.param(Reply(status=429, body=b'{"error":"Too many requests"}'), id="too many"),
        pytest.param(Reply(status=502, body=b"<html>Bad gateway</html>"), id="proxy's page"),
    ],
)
def test_trouble_is_no_answer_and_no_refusal(runner: Runner, reply: Reply, tmp_path: Path) -> None:
    ended, recorder = ran_against(runner, tmp_path, reply)
    assert ended.status != 0
    assert str(reply.status) in ended.output
    assert len(recorder.calls) == 1
    if runner.name != "sh":
        assert "NoAnswer" in ended.output


@with_tour
@pytest.mark.parametrize("body", [b"", b"<html>200</html>", b"null", b"5", b'"text"'])
def test_an_answer_that_is_not_of_the_api_is_no_answer(runner: Runner, body: bytes, tmp_path: Path) -> None:
    ended, _ = ran_against(runner, tmp_path, Reply(body=body))
    assert ended.status != 0
    assert "NoAnswer" in ended.output


@each_runner
@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_redirect_is_not_followed(runner: Runner, status: int, tmp_path: Path) -> None:
    reply = Reply(status=status, body=b"", headers={"location": "/elsewhere"})
    ended, recorder = ran_against(runner, tmp_path, reply)
    assert [fields.get("action") for fields in recorder.calls] == ["balance"]
    if runner.name != "sh":
        assert ended.status != 0
        assert "NoAnswer" in ended.output


@each_runner
def test_a_silent_panel_is_given_up(runner: Runner, tmp_path: Path) -> None:
    silence_seconds = 20.0

    def answer_late(_: Fields) -> Reply:
        time.sleep(silence_seconds)
        return Reply(body=b'{"balance":"1","currency":"USD"}')

    with recording(answer_late) as recorder:
        code = pasted(runner, recorder.url)
        hurried, found = re.subn(
            r"(?<=TIMEOUT_SECONDS = )30|(?<=TIMEOUT_MS = )30_000|(?<=api_call )30(?= action=b)", "1", code
        )
        if runner.file_name == "api.mjs":
            hurried = hurried.replace("TIMEOUT_MS = 1;", "TIMEOUT_MS = 1000;")
        assert found == 1
        started = time.monotonic()
        ended = run(runner, hurried, tmp_path)
    assert time.monotonic() - started < silence_seconds
    assert ended.status != 0
    assert "NoAnswer" in ended.output or runner.name == "sh"


@pytest.fixture(scope="module")
def own_certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A certificate for localhost that nobody vouches for."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    path = folder / "own.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(command, check=True, capture_output=True)
    path.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return str(path)


@each_runner
def test_the_key_goes_to_nobody_without_a_trusted_certificate(
    runner: Runner, own_certificate: str, tmp_path: Path
) -> None:
    with recording(answer_as_documented, certificate=own_certificate) as recorder:
        ended = run(runner, pasted(runner, recorder.url), tmp_path)
    assert recorder.calls == []
    assert ended.status != 0


def test_the_example_files_hold_the_placeholders_once() -> None:
    from purveyor.site.example_code import EXAMPLES

    for example in EXAMPLES:
        assert example.code.count(EXAMPLE_URL) == 1, example.file_name
        assert example.code.count(EXAMPLE_KEY) == 1, example.file_name


@pytest.mark.parametrize(
    ("label", "parameters"),
    [
        *((str(action.title), action.parameters) for action in ACTIONS if action.anchor != "add"),
        *((reference.type.value, reference.parameters) for reference in ORDER_TYPES),
    ],
)
def test_a_curl_request_on_the_page_sends_what_it_shows(label: str, parameters: list[Parameter]) -> None:
    with recording(answer_as_documented) as recorder:
        page = Client().get("/api", headers={"host": recorder.url.split("/")[2]}).content.decode()
        command = code_block(page, f"Example request: {label}")
        subprocess.run(["sh", "-c", command], check=True, capture_output=True)
    assert recorder.calls == [{parameter.name: parameter.sent for parameter in parameters if parameter.sent}]
