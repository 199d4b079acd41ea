import os
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from purveyor.configuration import load
from purveyor.ops import serving
from purveyor.ops.trouble import Trouble


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    listener = socket.create_server(("127.0.0.1", 0))
    yield listener
    listener.close()


def test_a_taken_port_is_told_with_the_cure(taken: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "PORT_PATIENCE_SECONDS", 0.2)
    port = taken.getsockname()[1]
    with pytest.raises(Trouble, match=rf"^port {port} on 127.0.0.1 is taken .* PORT={port + 1}$"):
        serving.free_address(host="127.0.0.1", port=port, setting="PORT")


def test_a_port_that_is_being_left_is_waited_for(
    taken: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "PORT_PATIENCE_SECONDS", 60.0)
    port = taken.getsockname()[1]
    begin = time.monotonic()
    threading.Timer(0.3, taken.close).start()
    assert serving.free_address(host="127.0.0.1", port=port, setting="PORT") == "127.0.0.1"
    assert time.monotonic() - begin >= 0.3


def test_closed_connections_of_a_predecessor_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "PORT_PATIENCE_SECONDS", 0.0)  # a taken port is told at once
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = listener.accept()
        accepted.close()  # this side closes first and keeps the port in TIME_WAIT
        client.close()
    assert serving.free_address(host="127.0.0.1", port=port, setting="PORT") == "127.0.0.1"


def test_a_host_is_resolved() -> None:
    assert serving.free_address(host="localhost", port=0, setting="PORT") in {"127.0.0.1", "::1"}


@pytest.mark.parametrize(
    ("host", "words"),
    [("192.0.2.1", "is no address of this machine"), ("panel.invalid", "cannot be resolved")],
)
def test_a_host_that_is_not_this_machine_is_refused(host: str, words: str) -> None:
    with pytest.raises(Trouble, match=words):
        serving.free_address(host=host, port=0, setting="PORT")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may have every port")
def test_a_port_for_root_is_told() -> None:
    with pytest.raises(Trouble, match="choose one above 1023"):
        serving.free_address(host="127.0.0.1", port=1, setting="PORT")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("panel.example.com", "http://panel.example.com:8000"),
    ],
)
def test_the_url_is_one_that_works_on_this_machine(host: str, url: str) -> None:
    settings = load({"PURVEYOR_HOST": host, "PURVEYOR_ALLOWED_HOSTS": "panel.example.com"})
    assert serving.url(settings) == url
