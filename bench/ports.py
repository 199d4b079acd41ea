"""A port of loopback that nobody uses."""

import socket


def free_port() -> int:
    """A free TCP port; it is taken soon after, so nobody else gets it in between but by bad luck."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
