"""Routes of endpoints: what anyone calls who holds an endpoint's token."""

import contextlib
import hmac
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote, unquote

from litestar import Response, get, post, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from pumphouse.contracts.catalog import Deployment, Pipeline
from pumphouse.errors import Conflict, NotFound, Unauthorized, Unavailable
from pumphouse.gateway.answers import json_answer
from pumphouse.gateway.authentication import credentials
from pumphouse.gateway.bodies import ApiRequest
from pumphouse.gateway.caller_names import caller_types
from pumphouse.gateway.definitions import Definitions
from pumphouse.gateway.described import JSON, Bytes, Parameter, described
from pumphouse.gateway.endpoint_answers import EndpointAnswers, result_headers
from pumphouse.gateway.endpoint_views import PlainResult, WrappedResult
from pumphouse.gateway.execution_views import ExecutionNamed
from pumphouse.gateway.file_answers import OCTETS
from pumphouse.gateway.followings import Outcome
from pumphouse.gateway.given_forms import CALL
from pumphouse.gateway.given_inputs import read_call
from pumphouse.gateway.names import Name, known_id
from pumphouse.gateway.openapi import ENDPOINT_TOKEN, TOKEN_IN_QUERY
from pumphouse.gateway.outcomes import Outcomes, check_success
from pumphouse.gateway.parameters import EXECUTION
from pumphouse.gateway.problems import ExecutionFailed
from pumphouse.gateway.sharing import Shared
from pumphouse.gateway.triggers import Triggers, check_callable
from pumphouse.sealing import Sealer
from pumphouse.sealing.tokens import SignedTokens

SDK_HEADER = "craft-ai-client"
"""Sent by clients that come back for the result themselves."""


_TAG = "Endpoints"
_PATH = (Parameter("path", "The endpoint_url_path of the deployment.", Name),)
_RESULT = (*_PATH, *EXECUTION)
_HOP = (Parameter("hop", "How often a redirect has led here.", int),)
_RESULT_OPENED_BY = (ENDPOINT_TOKEN, TOKEN_IN_QUERY)
_PLAIN_ANSWERS = {
    HTTPStatus.OK: {JSON: PlainResult, OCTETS: Bytes},
    HTTPStatus.TEMPORARY_REDIRECT: ExecutionNamed,
}


@dataclass(frozen=True)
class EndpointRoutes(Shared):
    definitions: Definitions
    triggers: Triggers
    outcomes: Outcomes
    sealer: Sealer
    tickets: SignedTokens
    answers: EndpointAnswers
    hold_s: float
    result_hold_s: float

    def routes(self) -> list[HTTPRouteHandler]:
        """Routes that the token of the endpoint opens, not that of a user."""
        result = "/endpoints/{path:str}/executions/{execution_id:str}"
        wrapped = "/endpoints/v1/{path:str}/executions/{execution_id:str}"
        return [
            post("/endpoints/{path:str}", request_max_body_size=None)(self.call),
            get(result)(self.result),
            post(result)(self.result_again),
            get(wrapped)(self.wrapped_result),
            route(f"{wrapped}/outputs/{{name:path}}", http_method=["GET", "HEAD"])(self.file),
        ]

    @described(
        "trigger_endpoint",
        "Call an endpoint",
        tag=_TAG,
        path=_PATH,
        body=CALL,
        is_body_required=False,
        answers={
            HTTPStatus.OK: {JSON: PlainResult, OCTETS: Bytes},
            HTTPStatus.SEE_OTHER: ExecutionNamed,
        },
        refusals=(Conflict, ExecutionFailed),
        opened_by=(ENDPOINT_TOKEN,),
        details="The outputs at once where they come in time, else a redirect to them.",
    )
    async def call(self, path: FromPath[str], request: ApiRequest) -> Response[bytes]:
        """Start an execution; its outputs at once if they come within the hold, else where."""
        deployment, pipeline = await self._endpoint(path)
        deployment = await self._opened(deployment, credentials(request, "EndpointToken"))
        check_callable(deployment)
        async with self.triggers.intake(pipeline.id, deployment.id) as intake:
            given = await read_call(request, caller_types(deployment, pipeline), intake)
            await self.triggers.call(deployment, pipeline, given, intake)
        execution_id = intake.execution_id
        is_sdk = SDK_HEADER in request.headers
        outcome = None if is_sdk else await self.outcomes.outcome(execution_id, self.hold_s)
        if outcome is not None:
            check_success(execution_id, outcome)
            # Its outputs may be out of reach now; to repeat the call would run it once more.
            with contextlib.suppress(Unavailable):
                return await self.answers.plain(deployment, execution_id, outcome, request)
        address = self._address(deployment, execution_id, hop=1)
        return _redirect(HTTPStatus.SEE_OTHER, execution_id, address)

    @described(
        "get_endpoint_result",
        "Give the outputs of a call, or lead here again while there are none",
        tag=_TAG,
        path=_RESULT,
        query=_HOP,
        answers=_PLAIN_ANSWERS,
        refusals=(ExecutionFailed,),
        opened_by=_RESULT_OPENED_BY,
    )
    async def result(
        self, path: FromPath[str], execution_id: FromPath[str], request: ApiRequest
    ) -> Response[bytes]:
        """The outputs of an execution, or the same address again while there are none."""
        deployment = await self._opened_for(path, execution_id, request)
        outcome = await self._outcome(deployment, execution_id, self.result_hold_s)
        if outcome is None:
            address = self._address(deployment, execution_id, _hop(request) + 1)
            return _redirect(HTTPStatus.TEMPORARY_REDIRECT, execution_id, address)
        check_success(execution_id, outcome)
        return await self.answers.plain(deployment, execution_id, outcome, request)

    @described(
        "post_endpoint_result",
        "The same for clients that keep their POST through a redirect",
        tag=_TAG,
        path=_RESULT,
        query=_HOP,
        answers=_PLAIN_ANSWERS,
        refusals=(ExecutionFailed,),
        opened_by=_RESULT_OPENED_BY,
    )
    async def result_again(
        self, path: FromPath[str], execution_id: FromPath[str], request: ApiRequest
    ) -> Response[bytes]:
        """For clients that keep their POST through a redirect."""
        return await self.result(path, execution_id, request)

    @described(
        "retrieve_endpoint_results",
        "Give the outputs of a call, each in an object of its own",
        tag=_TAG,
        path=_RESULT,
        query=_HOP,
        answers={
            HTTPStatus.OK: WrappedResult,
            HTTPStatus.TEMPORARY_REDIRECT: ExecutionNamed,
        },
        refusals=(ExecutionFailed,),
        opened_by=_RESULT_OPENED_BY,
    )
    async def wrapped_result(
        self, path: FromPath[str], execution_id: FromPath[str], request: ApiRequest
    ) -> Response[bytes]:
        """As result, each output in an object of its own, for the official client."""
        deployment, _ = await self._endpoint(path)
        token = request.query_params.get("token") or credentials(request, "EndpointToken")
        deployment = await self._opened(deployment, token)
        outcome = await self._outcome(deployment, execution_id, self.result_hold_s)
        if outcome is None:
            query = f"token={quote(token or '')}&hop={_hop(request) + 1}"
            address = f"/endpoints/v1/{path}/executions/{execution_id}?{query}"
            return _redirect(HTTPStatus.TEMPORARY_REDIRECT, execution_id, address)
        check_success(execution_id, outcome)
        return await self.answers.wrapped(deployment, execution_id, outcome, request)

    @described(
        "download_endpoint_result",
        "Give one output of a call that is a file",
        tag=_TAG,
        path=(*_RESULT, Parameter("name", "Name of the output, as callers know it.")),
        answers={HTTPStatus.OK: {OCTETS: Bytes}},
        refusals=(Conflict, ExecutionFailed),
        opened_by=_RESULT_OPENED_BY,
    )
    async def file(
        self, path: FromPath[str], execution_id: FromPath[str], request: ApiRequest
    ) -> Response[bytes]:
        """The bytes of one output, for whoever holds the endpoint's token or the result's ticket.

        Its name is what follows the last slash of the address before that is decoded.
        """
        deployment = await self._opened_for(path, execution_id, request)
        outcome = await self._outcome(deployment, execution_id, timeout=0)
        if outcome is None:
            raise Conflict("The execution has not ended: ask for its outputs first.")
        check_success(execution_id, outcome)
        name = unquote(request.scope["raw_path"].rpartition(b"/")[2].decode("ascii", "replace"))
        return self.answers.file(deployment, execution_id, outcome, name)

    async def _endpoint(self, path: str) -> tuple[Deployment, Pipeline]:
        try:
            deployment = self.definitions.catalog.endpoint(path)
        except NotFound:
            await self.definitions.catalog.refresh()
            deployment = self.definitions.catalog.endpoint(path)
        return deployment, self.definitions.pipeline_of(deployment)

    async def _opened(self, deployment: Deployment, token: str | None) -> Deployment:
        """The deployment as it is when the token opens it. Raises Unauthorized if it does not."""
        if token is None:
            raise Unauthorized("Send the header 'Authorization: EndpointToken <endpoint token>'.")
        fingerprint = self.sealer.fingerprint(token)
        if _matches(deployment, fingerprint):
            return deployment
        await self.definitions.catalog.refresh()
        current = self.definitions.catalog.deployments.get(deployment.id)
        if current is None or not _matches(current, fingerprint):
            raise Unauthorized("The endpoint token is not the one of this endpoint.")
        return current

    async def _opened_for(self, path: str, execution_id: str, request: ApiRequest) -> Deployment:
        """The deployment, when the request may see this execution of it. Raises Unauthorized."""
        deployment, _ = await self._endpoint(path)
        given = credentials(request, "EndpointToken") or request.query_params.get("token")
        if given is not None and self.tickets.subject(given) == execution_id:
            return deployment
        return await self._opened(deployment, given)

    async def _outcome(
        self, deployment: Deployment, execution_id: str, timeout: float
    ) -> Outcome | None:
        """The end of an execution of this endpoint; None after `timeout` s. Raises NotFound."""
        known_id(execution_id, "execution")
        await self._check_belongs(deployment, execution_id)
        return await self.outcomes.outcome(execution_id, timeout)

    async def _check_belongs(self, deployment: Deployment, execution_id: str) -> None:
        if await self.outcomes.deployment_of(execution_id) != deployment.id:
            raise NotFound(f"This endpoint has no execution {execution_id!r}.")

    def _address(self, deployment: Deployment, execution_id: str, hop: int) -> str:
        ticket = quote(self.tickets.issue(execution_id))
        place = f"/endpoints/{deployment.endpoint_url_path}/executions/{execution_id}"
        return f"{place}?token={ticket}&hop={hop}"


def _matches(deployment: Deployment, fingerprint: str) -> bool:
    stored = deployment.endpoint_token_fingerprint or ""
    return hmac.compare_digest(stored, fingerprint)


def _hop(request: ApiRequest) -> int:
    text = request.query_params.get("hop", "")
    return int(text) if text.isdecimal() and len(text) < 9 else 0


def _redirect(status: HTTPStatus, execution_id: str, address: str) -> Response[bytes]:
    headers = result_headers(execution_id) | {"Location": address}
    return json_answer(ExecutionNamed(execution_id), status, headers)
