"""The ways in which the guides call an endpoint."""

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from craft_ai_sdk import CraftAiSdk

from pumphouse.sdk import PumphouseSdk
from pumphouse.sdk.results import Deployment

AXIOS_PROGRAM = """
const axios = require("axios");
const [url, token, inputs] = process.argv.slice(2);
axios
  .post(url, JSON.parse(inputs), { headers: { Authorization: `EndpointToken ${token}` } })
  .then((reply) => console.log(JSON.stringify(reply.data)))
  .catch((error) => {
    console.error(error.response ? error.response.data : error);
    process.exitCode = 1;
  });
"""


@dataclass(frozen=True)
class Place:
    """A platform, and a folder with Node packages."""

    url: str
    token: str
    node_folder: Path


class Caller(Protocol):
    def __call__(
        self, endpoint: Deployment, inputs: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The outputs of an endpoint."""


def with_our_sdk(place: Place) -> Caller:
    def call(endpoint: Deployment, inputs: Mapping[str, Any] | None = None) -> dict[str, Any]:
        with PumphouseSdk(place.url, place.token) as sdk:
            done = sdk.trigger_endpoint(endpoint["name"], endpoint["endpoint_token"], inputs)
            return done["outputs"]

    return call


def with_the_official_sdk(place: Place) -> Caller:
    def call(endpoint: Deployment, inputs: Mapping[str, Any] | None = None) -> dict[str, Any]:
        with official_client(place.url, place.token) as client:
            outputs: dict[str, Any] = client.trigger_endpoint(
                endpoint_name=endpoint["name"],
                endpoint_token=endpoint["endpoint_token"],
                inputs=inputs,
            )["outputs"]
        return outputs

    return call


def with_curl(place: Place) -> Caller:
    """Without -L, and without a body when there are no inputs."""

    def call(endpoint: Deployment, inputs: Mapping[str, Any] | None = None) -> dict[str, Any]:
        command = ["curl", "--silent", "--show-error", "-X", "POST", _address(place, endpoint)]
        command += ["-H", f"Authorization: EndpointToken {endpoint['endpoint_token']}"]
        if inputs is not None:
            command += ["-H", "Content-Type: application/json", "-d", json.dumps(inputs)]
        return _outputs(command)

    return call


def with_axios(place: Place) -> Caller:
    """With null for a body when there are no inputs."""
    program = place.node_folder / "call.cjs"
    program.write_text(AXIOS_PROGRAM)

    def call(endpoint: Deployment, inputs: Mapping[str, Any] | None = None) -> dict[str, Any]:
        address, token = _address(place, endpoint), endpoint["endpoint_token"]
        return _outputs(["node", str(program), address, token, json.dumps(inputs)])

    return call


CALLERS: dict[str, Callable[[Place], Caller]] = {
    "axios": with_axios,
    "curl": with_curl,
    "official sdk": with_the_official_sdk,
    "sdk": with_our_sdk,
}


@contextmanager
def official_client(url: str, token: str) -> Iterator[Any]:
    """The official client, which has no types and closes nothing."""
    kind: Any = CraftAiSdk
    client = kind(sdk_token=token, environment_url=url, control_url=url, verbose_log=False)
    try:
        yield client
    finally:
        client._session.close()


def _address(place: Place, endpoint: Deployment) -> str:
    return f"{place.url}/endpoints/{endpoint['endpoint_url_path']}"


def _outputs(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer.get("output") == answer.get("outputs"), answer
    outputs: dict[str, Any] = answer["outputs"]
    return outputs
