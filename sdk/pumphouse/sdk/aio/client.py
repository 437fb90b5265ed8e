"""The client: one platform, all calls."""

import os
from types import TracebackType
from typing import Self

import httpx

from pumphouse.sdk.aio.data_store import DataStore
from pumphouse.sdk.aio.deployments import Deployments
from pumphouse.sdk.aio.endpoints import Endpoints
from pumphouse.sdk.aio.environment_variables import EnvironmentVariables
from pumphouse.sdk.aio.executions import Executions
from pumphouse.sdk.aio.metrics import Metrics
from pumphouse.sdk.aio.pipelines import Pipelines
from pumphouse.sdk.aio.templates import Templates
from pumphouse.sdk.aio.transport import Transport
from pumphouse.sdk.aio.users import Users
from pumphouse.sdk.aio.vector_database import VectorDatabase
from pumphouse.sdk.errors import InvalidParameters
from pumphouse.sdk.execution_context import current_execution_id


class AsyncPumphouseSdk(
    Pipelines,
    Templates,
    Deployments,
    Endpoints,
    Executions,
    Metrics,
    DataStore,
    EnvironmentVariables,
    VectorDatabase,
    Users,
):
    """A platform and a user of it. Safe for many tasks of one event loop; nothing is sent before
    the first call.

    url: of the platform, by default the environment variable PUMPHOUSE_URL, and without that
    CRAFT_AI_ENVIRONMENT_URL. token: an SDK token, by default PUMPHOUSE_TOKEN or CRAFT_AI_SDK_TOKEN.
    Inside an execution these are set, with a token for what executions may do.
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
        wire: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = _given(url, "url", "PUMPHOUSE_URL", "CRAFT_AI_ENVIRONMENT_URL")
        token = _given(token, "token", "PUMPHOUSE_TOKEN", "CRAFT_AI_SDK_TOKEN")
        super().__init__(Transport(self.url, token, progress, wire))

    @property
    def execution_id(self) -> str | None:
        """Of the execution that this code runs in; None outside of executions."""
        return current_execution_id()

    async def close(self) -> None:
        """Close the connections. A client that was closed cannot be used again."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


def _given(value: str | None, parameter: str, *variables: str) -> str:
    found = value or next(filter(None, map(os.environ.get, variables)), None)
    if not found:
        either = " or ".join(variables)
        raise InvalidParameters(f"Give {parameter!r}, or set the environment variable {either}.")
    return found
