"""The baseline of the catalogue: nginx with one worker, serving the same bytes as a file."""

import contextlib
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench import programs, wrk
from bench.ports import free_port
from bench.wrk import Load

_PATIENCE_SECONDS: Final = 10.0

# As quick as nginx serves a file: open files kept, sendfile, compressed in advance, no log.
_CONFIGURATION: Final = """\
daemon off;
worker_processes 1;
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 100000000;
    open_file_cache max=16;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    types {{ application/json json; }}
    server {{
        listen 127.0.0.1:{port};
        root {folder}/files;
        gzip_static on;
    }}
}}
"""


@contextlib.contextmanager
def serving(folder: Path, *, plain: bytes, compressed: bytes) -> Iterator[str]:
    """Serve the catalogue's bytes as services.json and services.json.gz; yields the URL of the file."""
    files = folder / "files"
    files.mkdir(parents=True)
    (files / "services.json").write_bytes(plain)
    (files / "services.json.gz").write_bytes(compressed)
    port = free_port()
    # As root nginx hands its worker to an ordinary user, who may not read the benchmark's folder.
    user = "user root;" if os.geteuid() == 0 else ""
    settings = folder / "nginx.conf"
    settings.write_text(_CONFIGURATION.format(folder=folder, port=port, user=user), encoding="utf-8")
    command = [
        programs.path_of("nginx"),
        "-c",
        str(settings),
        "-p",
        str(folder),
        "-e",
        str(folder / "error.log"),
    ]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}/services.json"
        _wait(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(_PATIENCE_SECONDS)


def load(url: str, *, encoding: str, seconds: int) -> Load:
    """Ask for the file as the panel is asked for its catalogue."""
    return wrk.run(script="services", url=url, seconds=seconds, arguments=["", encoding])


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=_PATIENCE_SECONDS).close()  # noqa: S310  our own loopback address
        except urllib.error.URLError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
