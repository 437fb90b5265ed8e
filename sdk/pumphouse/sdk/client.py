"""The client: one platform, all calls."""

import os
from types import TracebackType
from typing import Self

import httpx

from pumphouse.sdk.data_store import DataStore
from pumphouse.sdk.deployments import Deployments
from pumphouse.sdk.endpoints import Endpoints
from pumphouse.sdk.environment_variables import EnvironmentVariables
from pumphouse.sdk.errors import InvalidParameters
from pumphouse.sdk.executions import Executions
from pumphouse.sdk.metrics import Metrics
from pumphouse.sdk.pipelines import Pipelines
from pumphouse.sdk.transport import Transport
from pumphouse.sdk.users import Users


class PumphouseSdk(
    Pipelines,
    Deployments,
    Endpoints,
    Executions,
    Metrics,
    DataStore,
    EnvironmentVariables,
    Users,
):
    """A platform and a user of it. Thread-safe; nothing is sent before the first call.

    url: of the platform, by default the environment variable PUMPHOUSE_URL.
    token: an SDK token, by default PUMPHOUSE_TOKEN.
    progress: whether transfers show a bar, by default when stderr is a terminal.
    wire: replaces the network, for tests.
    Raises InvalidParameters if one is given neither way.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        progress: bool | None = None,
        wire: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = _given(url, "url", "PUMPHOUSE_URL")
        token = _given(token, "token", "PUMPHOUSE_TOKEN")
        super().__init__(Transport(self.url, token, progress, wire))

    def close(self) -> None:
        """Close the connections. A client that was closed cannot be used again."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _given(value: str | None, parameter: str, variable: str) -> str:
    found = value or os.environ.get(variable)
    if not found:
        raise InvalidParameters(f"Give {parameter!r}, or set the environment variable {variable}.")
    return found
