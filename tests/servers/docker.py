"""Whether there is a Docker engine to start servers in."""

import os
from functools import cache
from pathlib import Path

import httpx

_UNIX = "unix://"


@cache
def docker_answers() -> bool:
    """Asks the engine at DOCKER_HOST, or at its usual socket. One behind TLS is not asked."""
    host = os.environ.get("DOCKER_HOST", f"{_UNIX}/var/run/docker.sock")
    socket = host.removeprefix(_UNIX) if host.startswith(_UNIX) else None
    if socket and not Path(socket).is_socket():
        return False
    address = "http://docker" if socket else host.replace("tcp://", "http://", 1)
    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=socket), timeout=2) as client:
            return client.get(f"{address}/_ping").is_success
    except (httpx.HTTPError, httpx.UnsupportedProtocol):
        return False
