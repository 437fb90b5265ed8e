"""Where a server is reached that listens on this machine."""

import socket

from pumphouse.errors import Unavailable

_ALL = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- read, not bound


def url_of(host: str, port: int) -> str:
    """How a process of this machine reaches a server that listens on `host` and `port`."""
    reachable = _ALL.get(host, host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def free_port(host: str) -> int:
    """A port of `host` that nobody listens on now; it can be taken until somebody does.

    Raises Unavailable for a host that is not of this machine.
    """
    try:
        family = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((host, 0))
            port: int = probe.getsockname()[1]
            return port
    except OSError as error:
        raise Unavailable(
            f"Nothing can listen on {host}: {error.strerror or error}. Choose another host."
        ) from error
