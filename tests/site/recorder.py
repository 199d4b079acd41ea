"""A panel that writes down what it is sent and answers as the manual says: what the examples talk to."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from purveyor.site.reference import ACTIONS

Fields = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the recorder answers."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Answering = Callable[[Fields], Reply]


def answer_as_documented(fields: Fields) -> Reply:
    """The manual's own example reply for this call."""
    name = fields["action"]
    for action in ACTIONS:
        parameters = {parameter.name for parameter in action.parameters}
        named = next(parameter.value for parameter in action.parameters if parameter.name == "action")
        if named == name and parameters <= fields.keys():
            return Reply(body=json.dumps(action.reply).encode())
    raise AssertionError(f"no such call: {fields}")


class Recorder:
    """What was received, oldest first."""

    def __init__(self) -> None:
        self.calls: list[Fields] = []
        self.url = ""


@contextmanager
def recording(answering: Answering, *, certificate: str | None = None) -> Iterator[Recorder]:
    """Serve on a free port; with a certificate file, over TLS."""
    recorder = Recorder()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            fields = dict(parse_qsl(body, keep_blank_values=True, strict_parsing=True))
            recorder.calls.append(fields)
            reply = answering(fields)
            self.send_response(reply.status)
            for name, value in {"content-type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def do_GET(self) -> None:
            recorder.calls.append({"method": "GET"})
            self.send_error(404)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """A client that hangs up, by time-out or for want of trust, is what some tests are about."""

    with Server(("127.0.0.1", 0), Handler) as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        scheme = "https" if certificate else "http"
        recorder.url = f"{scheme}://localhost:{server.server_port}/api/v2"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield recorder
        finally:
            server.shutdown()
            thread.join()
