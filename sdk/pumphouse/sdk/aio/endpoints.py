"""Calling endpoints, with their own token or with the SDK's."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal, overload

import httpx

from pumphouse.sdk.addresses import path
from pumphouse.sdk.aio.executions import outputs_of
from pumphouse.sdk.aio.transport import CLIENT, Connected, Transport
from pumphouse.sdk.aio.waiting import LONGEST_HOLD_S, wait_for
from pumphouse.sdk.answers import content
from pumphouse.sdk.deadlines import Deadline
from pumphouse.sdk.errors import InvalidParameters, error_of
from pumphouse.sdk.files import Given, given_inputs
from pumphouse.sdk.results import ExecutionOutputs, ExecutionStarted
from pumphouse.sdk.vocabulary import DataType, ExecutionRule

_AT_ONCE = {"craft-ai-client": CLIENT}
"""Makes the platform answer with the execution's id instead of holding for its outputs."""

_MOVED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND)


@dataclass(frozen=True)
class _Endpoint:
    """gives_files: whether an output that its caller gets is a file."""

    url_path: str
    gives_files: bool


class Endpoints(Connected):
    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self._known: dict[str, _Endpoint] = {}

    @overload
    async def trigger_endpoint(
        self,
        endpoint_name: str,
        endpoint_token: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        wait_for_completion: Literal[True] = True,
        *,
        timeout_s: float | None = None,
    ) -> ExecutionOutputs: ...
    @overload
    async def trigger_endpoint(
        self,
        endpoint_name: str,
        endpoint_token: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        *,
        wait_for_completion: Literal[False],
        timeout_s: float | None = None,
    ) -> ExecutionStarted: ...
    async def trigger_endpoint(
        self,
        endpoint_name: str,
        endpoint_token: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        wait_for_completion: bool = True,
        *,
        timeout_s: float | None = None,
    ) -> ExecutionOutputs | ExecutionStarted:
        """Call an endpoint.

        endpoint_name: of the deployment. inputs: values by endpoint input name, JSON; for a file
        bytes, a stream opened in binary mode, which is sent from where it stands, or a Path.
        Outputs that are files are bytes.
        endpoint_token: the endpoint's secret; outputs then bear their endpoint names. Without it
        the SDK token is used, and outputs bear the names that the pipeline gave them.
        timeout_s: seconds to wait for the end, None for no limit; the execution goes on after it.
        Raises InvalidParameters, Unauthorized, NotFound, Conflict if it is disabled; when it waits,
        also ExecutionFailed and TimedOut.
        """
        deadline = Deadline(timeout_s)
        is_held = wait_for_completion and timeout_s is None
        with given_inputs(inputs) as found:
            if endpoint_token is None:
                started = await self._transport.call(
                    "POST", "deployments", endpoint_name, "executions", **found.payload()
                )
            else:
                reply = await self._call(endpoint_name, endpoint_token, found, is_held)
                if is_held and not self._known[endpoint_name].gives_files:
                    return await self._follow(reply, deadline, f"The call of {endpoint_name!r}")
                started = content(reply)
        execution_id: str = started["execution_id"]
        if not wait_for_completion:
            return ExecutionStarted(execution_id=execution_id)
        return await self._wait(endpoint_name, execution_id, endpoint_token, deadline)

    async def retrieve_endpoint_results(
        self,
        endpoint_name: str,
        execution_id: str,
        endpoint_token: str | None = None,
        *,
        timeout_s: float | None = None,
    ) -> ExecutionOutputs:
        """Wait for the outputs of an execution that trigger_endpoint started.

        Raises ExecutionFailed with the reason, Unauthorized, NotFound, TimedOut.
        """
        deadline = Deadline(timeout_s)
        if endpoint_token is not None:
            await self._look_up(endpoint_name)
        return await self._wait(endpoint_name, execution_id, endpoint_token, deadline)

    async def _wait(
        self, endpoint_name: str, execution_id: str, endpoint_token: str | None, deadline: Deadline
    ) -> ExecutionOutputs:
        if endpoint_token is None:
            return await outputs_of(self._transport, execution_id, deadline)
        url_path = self._known[endpoint_name].url_path
        address = f"/endpoints/v1/{path(url_path, 'executions', execution_id)}"
        headers = _authorization(endpoint_token)
        page = self._transport.request("GET", address, headers=headers)
        finished = await self._follow_page(page, deadline, f"Execution {execution_id!r}")
        outputs = {
            name: await self._file(item["url"], headers) if "url" in item else item["value"]
            for name, item in finished["outputs"].items()
        }
        return ExecutionOutputs(execution_id=execution_id, outputs=outputs)

    async def _file(self, url: str | None, headers: Mapping[str, str]) -> bytes | None:
        """The content of an output. The secret goes to the platform alone."""
        if url is None:
            return None
        address, platform = httpx.URL(url), self._transport.url
        if address.host == platform.host:
            address = address.copy_with(scheme=platform.scheme, port=platform.port)
        else:
            headers = {}
        found = await self._transport.send(
            self._transport.request("GET", str(address), headers=headers)
        )
        if not found.is_success:
            raise error_of(found)
        return found.content

    async def _follow(
        self, reply: httpx.Response, deadline: Deadline, what: str
    ) -> ExecutionOutputs:
        following = reply.next_request
        finished = (
            content(reply)
            if following is None
            else await self._follow_page(following, deadline, what)
        )
        return ExecutionOutputs(execution_id=finished["execution_id"], outputs=finished["outputs"])

    async def _follow_page(self, page: httpx.Request, deadline: Deadline, what: str) -> Any:
        return await wait_for(_ResultPage(self._transport, page), deadline, what)

    async def _call(
        self, endpoint_name: str, endpoint_token: str, inputs: Given, is_held: bool
    ) -> httpx.Response:
        """The answer of an endpoint, which is looked for again if it has moved.

        Not if the call has files, which may be streams that can be read only once.
        """
        known = None if inputs.files else self._known.get(endpoint_name)
        endpoint = known or await self._look_up(endpoint_name)
        reply = await self._post(endpoint, endpoint_token, inputs, is_held)
        if known and reply.status_code in _MOVED:
            reply = await self._post(
                await self._look_up(endpoint_name), endpoint_token, inputs, is_held
            )
        return reply

    async def _post(
        self, endpoint: _Endpoint, endpoint_token: str, inputs: Given, is_held: bool
    ) -> httpx.Response:
        headers = _authorization(endpoint_token)
        if endpoint.gives_files or not is_held:
            headers |= _AT_ONCE
        address = f"/endpoints/{path(endpoint.url_path)}"
        request = self._transport.request("POST", address, headers=headers, **inputs.payload())
        return await self._transport.send(request, limit_s=LONGEST_HOLD_S)

    async def _look_up(self, endpoint_name: str) -> _Endpoint:
        deployment = await self._transport.call("GET", "deployments", endpoint_name)
        if deployment["execution_rule"] != ExecutionRule.ENDPOINT:
            raise InvalidParameters(f"Deployment {endpoint_name!r} is not an endpoint.")
        gives_files = any(
            output["data_type"] == DataType.FILE and output.get("endpoint_output_name")
            for output in deployment["outputs_mapping"]
        )
        endpoint = _Endpoint(deployment["endpoint_url_path"], gives_files)
        self._known[endpoint_name] = endpoint
        return endpoint


class _ResultPage:
    """Where the outputs of one execution appear; asked again, it has moved on."""

    def __init__(self, transport: Transport, page: httpx.Request) -> None:
        self._transport = transport
        self._page = page

    async def __call__(self, limit_s: float) -> Any | None:
        reply = await self._transport.send(self._page, limit_s=limit_s)
        if reply.next_request is None:
            return content(reply)
        self._page = reply.next_request
        return None


def _authorization(endpoint_token: str) -> dict[str, str]:
    if not (endpoint_token.isascii() and endpoint_token.isprintable()):
        raise InvalidParameters("'endpoint_token' holds characters that no token has.")
    return {"Authorization": f"EndpointToken {endpoint_token}"}
