"""What the callers of an endpoint are given of an execution that has succeeded."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from litestar import Response

from pumphouse.contracts.catalog import Deployment
from pumphouse.contracts.executions import ProducedOutput
from pumphouse.contracts.references import Reference
from pumphouse.errors import NotFound
from pumphouse.gateway.answers import json_answer
from pumphouse.gateway.bodies import ApiRequest
from pumphouse.gateway.caller_names import exposed_outputs
from pumphouse.gateway.endpoint_views import Located, PlainResult, WrappedOutput, WrappedResult
from pumphouse.gateway.execution_views import is_file
from pumphouse.gateway.file_answers import FileAnswer, attachment
from pumphouse.gateway.followings import Outcome
from pumphouse.gateway.kept_values import KeptValues
from pumphouse.gateway.links import Links
from pumphouse.gateway.sharing import Shared

ID_HEADERS = ("Craft-Ai-Execution-Id", "Execution-Id")


@dataclass(frozen=True)
class EndpointAnswers(Shared):
    """All of them raise Unavailable when the store has what is asked for and does not answer."""

    values: KeptValues
    links: Links

    async def plain(
        self, deployment: Deployment, execution_id: str, outcome: Outcome, request: ApiRequest
    ) -> Response[bytes]:
        """The one output when that is a file that there is, else all of them as JSON."""
        exposed = exposed_outputs(outcome.outputs)
        if len(exposed) == 1:
            [(name, item)] = exposed.items()
            if is_file(item) and item.reference is not None:
                await self.values.bucket.info(item.reference.key)  # raises while it still can
                return _file_answer(self.values, deployment, execution_id, name, item.reference)
        page = self._page(deployment, execution_id, request)
        outputs: dict[str, Any] = {
            name: _located(item, name, page)
            if is_file(item)
            else (await self.values.of_output(item)).value
            for name, item in exposed.items()
        }
        return json_answer(
            PlainResult(outputs, outputs, execution_id),
            headers=result_headers(execution_id),
        )

    async def wrapped(
        self, deployment: Deployment, execution_id: str, outcome: Outcome, request: ApiRequest
    ) -> Response[bytes]:
        """Each output in an object of its own."""
        page = self._page(deployment, execution_id, request)
        outputs = {
            name: WrappedOutput(url=_located(item, name, page).url)
            if is_file(item)
            else WrappedOutput(value=(await self.values.of_output(item)).value)
            for name, item in exposed_outputs(outcome.outputs).items()
        }
        return json_answer(WrappedResult(outputs, execution_id))

    def file(
        self, deployment: Deployment, execution_id: str, outcome: Outcome, name: str
    ) -> Response[bytes]:
        """The bytes of one output. Raises NotFound when there are none."""
        item = exposed_outputs(outcome.outputs).get(name)
        if item is None or not is_file(item) or item.reference is None:
            raise NotFound(f"The execution has given no file {name[:200]!r}.")
        return _file_answer(self.values, deployment, execution_id, name, item.reference)

    def _page(self, deployment: Deployment, execution_id: str, request: ApiRequest) -> str:
        base = self.links.gateway_url(request)
        return f"{base}/endpoints/v1/{deployment.endpoint_url_path}/executions/{execution_id}"


def result_headers(execution_id: str) -> dict[str, str]:
    """Of every answer about one execution."""
    return dict.fromkeys(ID_HEADERS, execution_id) | {"Cache-Control": "no-store"}


def _located(item: ProducedOutput, name: str, page: str) -> Located:
    there_is = item.reference is not None
    return Located(f"{page}/outputs/{quote(name, safe='')}" if there_is else None)


def _file_answer(
    values: KeptValues, deployment: Deployment, execution_id: str, name: str, reference: Reference
) -> Response[bytes]:
    saved_as = attachment(f"{deployment.name}_{execution_id}_{name}")
    headers = result_headers(execution_id) | {"Content-Disposition": saved_as}
    return FileAnswer(values.bucket, reference.key, headers)
