"""Whether there is a Docker engine to start servers in."""

import os
from functools import cache
from pathlib import Path

import httpx

_UNIX = "unix://"


def docker_host() -> str:
    """The address of the engine: DOCKER_HOST, or its usual socket."""
    return os.environ.get("DOCKER_HOST", f"{_UNIX}/var/run/docker.sock")


def engine_url() -> str:
    """Of the engine whose containers are tested, which may be one that starts no servers."""
    return os.environ.get("PUMPHOUSE_TEST_DOCKER_URL") or docker_host()


@cache
def docker_answers(host: str | None = None) -> bool:
    """Asks the engine at an address, else the one that starts servers. TLS is not spoken."""
    host = host or docker_host()
    socket = host.removeprefix(_UNIX) if host.startswith(_UNIX) else None
    if socket and not Path(socket).is_socket():
        return False
    address = "http://docker" if socket else host.replace("tcp://", "http://", 1)
    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=socket), timeout=2) as client:
            return client.get(f"{address}/_ping").is_success
    except (httpx.HTTPError, httpx.UnsupportedProtocol):
        return False
