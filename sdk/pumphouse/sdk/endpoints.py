"""Calling endpoints, with their own token or with the SDK's."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal, overload

import httpx

from pumphouse.sdk.encoding import inputs_to_json
from pumphouse.sdk.errors import InvalidParameters
from pumphouse.sdk.executions import outputs_of
from pumphouse.sdk.results import ExecutionOutputs, ExecutionStarted
from pumphouse.sdk.transport import CLIENT, Connected, Transport, content, path
from pumphouse.sdk.vocabulary import ExecutionRule
from pumphouse.sdk.waiting import LONGEST_HOLD_S, Deadline, wait_for

_AT_ONCE = {"craft-ai-client": CLIENT}
"""Makes the platform answer with the execution's id instead of holding for its outputs."""

_MOVED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND)


class Endpoints(Connected):
    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self._paths: dict[str, str] = {}

    @overload
    def trigger_endpoint(
        self,
        endpoint_name: str,
        endpoint_token: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        wait_for_completion: Literal[True] = True,
        *,
        timeout_s: float | None = None,
    ) -> ExecutionOutputs: ...
    @overload
    def trigger_endpoint(
        self,
        endpoint_name: str,
        endpoint_token: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        *,
        wait_for_completion: Literal[False],
        timeout_s: float | None = None,
    ) -> ExecutionStarted: ...
    def trigger_endpoint(
        self,
        endpoint_name: str,
        endpoint_token: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        wait_for_completion: bool = True,
        *,
        timeout_s: float | None = None,
    ) -> ExecutionOutputs | ExecutionStarted:
        """Call an endpoint.

        endpoint_name: of the deployment. inputs: values by endpoint input name, JSON.
        endpoint_token: the endpoint's secret; outputs then bear their endpoint names. Without it
        the SDK token is used, and outputs bear the names that the pipeline gave them.
        timeout_s: seconds to wait for the end, None for no limit; the execution goes on after it.
        Raises InvalidParameters, Unauthorized, NotFound, Conflict if it is disabled; when it waits,
        also ExecutionFailed and TimedOut.
        """
        deadline = Deadline(timeout_s)
        body = inputs_to_json(inputs)
        if endpoint_token is None:
            started = self._transport.call(
                "POST", "deployments", endpoint_name, "executions", body=body
            )
        elif wait_for_completion and timeout_s is None:
            reply = self._call(endpoint_name, _authorization(endpoint_token), body)
            return self._follow(reply, deadline, f"The call of {endpoint_name!r}")
        else:
            headers = {**_authorization(endpoint_token), **_AT_ONCE}
            started = content(self._call(endpoint_name, headers, body))
        execution_id: str = started["execution_id"]
        if not wait_for_completion:
            return ExecutionStarted(execution_id=execution_id)
        return self._wait(endpoint_name, execution_id, endpoint_token, deadline)

    def retrieve_endpoint_results(
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
            self._look_up(endpoint_name)
        return self._wait(endpoint_name, execution_id, endpoint_token, deadline)

    def _wait(
        self, endpoint_name: str, execution_id: str, endpoint_token: str | None, deadline: Deadline
    ) -> ExecutionOutputs:
        if endpoint_token is None:
            return outputs_of(self._transport, execution_id, deadline)
        address = f"/endpoints/{path(self._paths[endpoint_name], 'executions', execution_id)}"
        page = self._transport.request("GET", address, headers=_authorization(endpoint_token))
        return wait_for(_ResultPage(self._transport, page), deadline, f"Execution {execution_id!r}")

    def _follow(self, reply: httpx.Response, deadline: Deadline, what: str) -> ExecutionOutputs:
        if reply.next_request is None:
            return _outputs(reply)
        return wait_for(_ResultPage(self._transport, reply.next_request), deadline, what)

    def _call(self, endpoint_name: str, headers: Mapping[str, str], body: str) -> httpx.Response:
        remembered = self._paths.get(endpoint_name)
        reply = self._post(remembered or self._look_up(endpoint_name), headers, body)
        if remembered and reply.status_code in _MOVED:
            reply = self._post(self._look_up(endpoint_name), headers, body)
        return reply

    def _post(self, url_path: str, headers: Mapping[str, str], body: str) -> httpx.Response:
        address = f"/endpoints/{path(url_path)}"
        request = self._transport.request("POST", address, body=body, headers=headers)
        return self._transport.send(request, limit_s=LONGEST_HOLD_S)

    def _look_up(self, endpoint_name: str) -> str:
        deployment = self._transport.call("GET", "deployments", endpoint_name)
        if deployment["execution_rule"] != ExecutionRule.ENDPOINT:
            raise InvalidParameters(f"Deployment {endpoint_name!r} is not an endpoint.")
        url_path: str = deployment["endpoint_url_path"]
        self._paths[endpoint_name] = url_path
        return url_path


class _ResultPage:
    """Where the outputs of one execution appear; asked again, it has moved on."""

    def __init__(self, transport: Transport, page: httpx.Request) -> None:
        self._transport = transport
        self._page = page

    def __call__(self, limit_s: float) -> ExecutionOutputs | None:
        reply = self._transport.send(self._page, limit_s=limit_s)
        if reply.next_request is None:
            return _outputs(reply)
        self._page = reply.next_request
        return None


def _outputs(reply: httpx.Response) -> ExecutionOutputs:
    finished = content(reply)
    return ExecutionOutputs(execution_id=finished["execution_id"], outputs=finished["outputs"])


def _authorization(endpoint_token: str) -> dict[str, str]:
    if not (endpoint_token.isascii() and endpoint_token.isprintable()):
        raise InvalidParameters("'endpoint_token' holds characters that no token has.")
    return {"Authorization": f"EndpointToken {endpoint_token}"}
