"""Whether there is a container engine, for pipelines that bring a Dockerfile."""

from collections.abc import Mapping
from pathlib import Path

import httpx

from pumphouse.settings import setting

_UNIX = "unix://"
_USUAL = f"{_UNIX}/var/run/docker.sock"
_PATIENCE_S = 2.0


def engine_that_answers(environment: Mapping[str, str]) -> str | None:
    """The address of PUMPHOUSE_DOCKER_URL, else of DOCKER_HOST, else the usual one; None when
    nothing answers there. Blocks. Raises Invalid for a variable whose file cannot be read."""
    address = setting("docker_url", environment) or environment.get("DOCKER_HOST") or _USUAL
    socket = address.removeprefix(_UNIX) if address.startswith(_UNIX) else None
    if socket and not Path(socket).is_socket():
        return None
    url = "http://localhost" if socket else address.replace("tcp://", "http://", 1)
    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=socket), timeout=_PATIENCE_S) as client:
            return address if client.get(f"{url}/_ping").is_success else None
    except (httpx.HTTPError, httpx.InvalidURL):
        return None


def engine_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """What the services are told of it, by field name; nothing where the operator has decided."""
    if setting("dockerfiles", environment) is not None:
        return {}
    address = engine_that_answers(environment)
    return {} if address is None else {"docker_url": address, "dockerfiles": "true"}
