"""Routes of executions."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Response, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from pumphouse.bus import Bus
from pumphouse.contracts.records import ExecutionSummary, LogsQueried
from pumphouse.contracts.vocabulary import Status
from pumphouse.errors import Conflict, NotFound
from pumphouse.gateway.answers import json_answer, no_content
from pumphouse.gateway.asking import WAIT, is_asked_to_wait
from pumphouse.gateway.bodies import ApiRequest
from pumphouse.gateway.definitions import Definitions
from pumphouse.gateway.described import JSON, Bytes, Content, Parameter, described
from pumphouse.gateway.execution_views import (
    ExecutionNamed,
    ExecutionOutputs,
    ListedExecution,
    ShownExecution,
    input_value,
    is_file,
    list_execution,
    show_execution,
    show_outputs,
)
from pumphouse.gateway.file_answers import OCTETS
from pumphouse.gateway.inside import FOR_EXECUTIONS
from pumphouse.gateway.kept_values import KeptValues
from pumphouse.gateway.log_lines import ShownLine, show_line
from pumphouse.gateway.names import known_id
from pumphouse.gateway.outcomes import Outcomes, check_success
from pumphouse.gateway.parameters import DEPLOYMENT, EXECUTION, PIPELINE
from pumphouse.gateway.periods import LogPeriod, read_period
from pumphouse.gateway.problems import ExecutionFailed
from pumphouse.gateway.sharing import Shared
from pumphouse.gateway.single_files import SingleFiles
from pumphouse.sealing import Sealer

_TAG = "Executions"
_WITH_VALUES = Parameter("include_io_values", "Whether to show values; yes if not said.", bool)
_VALUE: dict[HTTPStatus, Content | None] = {
    HTTPStatus.OK: {JSON: Any, OCTETS: Bytes},
    HTTPStatus.NO_CONTENT: None,
}


@dataclass(frozen=True)
class ExecutionRoutes(Shared):
    definitions: Definitions
    outcomes: Outcomes
    bus: Bus
    sealer: Sealer
    values: KeptValues
    files: SingleFiles
    hold_s: float

    def routes(self) -> list[HTTPRouteHandler]:
        """Routes below /api/v1 for users."""
        one = "/executions/{execution_id:str}"
        return [
            get("/pipelines/{name:str}/executions")(self.show_all),
            get("/pipelines/{name:str}/executions/latest", opt=FOR_EXECUTIONS)(
                self.latest_of_pipeline
            ),
            get("/deployments/{name:str}/executions/latest", opt=FOR_EXECUTIONS)(
                self.latest_of_deployment
            ),
            get(one)(self.show),
            delete(one, status_code=HTTPStatus.OK)(self.delete),
            get(f"{one}/outputs")(self.outputs),
            get(f"{one}/outputs/{{output_name:str}}")(self.output),
            get(f"{one}/inputs/{{input_name:str}}")(self.input),
            post(f"{one}/logs")(self.logs),
        ]

    @described(
        "list_pipeline_executions",
        "List the executions of a pipeline, newest first",
        tag=_TAG,
        path=PIPELINE,
        answers=list[ListedExecution],
    )
    async def show_all(self, name: FromPath[str]) -> Response[bytes]:
        pipeline = await self.definitions.pipeline(name)
        executions = await self.outcomes.listed(pipeline_id=pipeline.id)
        return json_answer([self._summary(execution) for execution in executions])

    @described(
        "get_latest_execution_of_pipeline",
        "Name the newest execution of a pipeline",
        tag=_TAG,
        path=PIPELINE,
        answers=ExecutionNamed | None,
    )
    async def latest_of_pipeline(self, name: FromPath[str]) -> Response[bytes]:
        pipeline = await self.definitions.pipeline(name)
        return _latest(await self.outcomes.listed(pipeline_id=pipeline.id, limit=1))

    @described(
        "get_latest_execution_of_deployment",
        "Name the newest execution of a deployment",
        tag=_TAG,
        path=DEPLOYMENT,
        answers=ExecutionNamed | None,
    )
    async def latest_of_deployment(self, name: FromPath[str]) -> Response[bytes]:
        deployment, _ = await self.definitions.deployment(name)
        return _latest(await self.outcomes.listed(deployment_id=deployment.id, limit=1))

    @described(
        "get_pipeline_execution",
        "Show an execution",
        tag=_TAG,
        path=EXECUTION,
        query=(_WITH_VALUES,),
        answers=ShownExecution,
    )
    async def show(self, execution_id: FromPath[str], request: ApiRequest) -> Response[bytes]:
        described = await self.outcomes.described(known_id(execution_id, "execution"))
        await self.definitions.catalog.refresh()
        execution = described.execution
        with_values = request.query_params.get(_WITH_VALUES.name, "").lower() != "false"
        whole = msgspec.structs.replace(
            described,
            inputs=await self.values.of_inputs(described.inputs),
            outputs=await self.values.of_outputs(described.outputs)
            if with_values
            else described.outputs,
        )
        return json_answer(
            show_execution(
                whole,
                self.definitions.catalog.pipelines.get(execution.pipeline_id),
                self.definitions.deployment_name(execution.deployment_id),
                self.sealer.open,
                with_values,
            )
        )

    @described(
        "delete_pipeline_execution",
        "Delete an execution",
        tag=_TAG,
        path=EXECUTION,
        answers=ExecutionNamed,
        refusals=(Conflict,),
    )
    async def delete(self, execution_id: FromPath[str]) -> Response[bytes]:
        await self.outcomes.delete(known_id(execution_id, "execution"))
        return json_answer(ExecutionNamed(execution_id))

    @described(
        "retrieve_pipeline_execution_outputs",
        "Give all outputs of an execution",
        tag=_TAG,
        path=EXECUTION,
        query=(WAIT,),
        answers={
            HTTPStatus.OK: ExecutionOutputs,
            HTTPStatus.TEMPORARY_REDIRECT: ExecutionNamed,
        },
        refusals=(Conflict, ExecutionFailed),
    )
    async def outputs(self, execution_id: FromPath[str], request: ApiRequest) -> Response[bytes]:
        known_id(execution_id, "execution")
        is_waiting = is_asked_to_wait(request)
        outcome = await self.outcomes.outcome(execution_id, self.hold_s if is_waiting else 0)
        if outcome is not None:
            check_success(execution_id, outcome)
            outputs = await self.values.of_outputs(outcome.outputs)
            return json_answer(show_outputs(outputs))
        if not is_waiting:
            raise Conflict("The execution has not ended: add wait_for_completion=true to wait.")
        location = f"/api/v1/executions/{execution_id}/outputs?wait_for_completion=true"
        return json_answer(
            ExecutionNamed(execution_id),
            HTTPStatus.TEMPORARY_REDIRECT,
            {"Location": location},
        )

    @described(
        "get_pipeline_execution_output",
        "Give one output of an execution",
        tag=_TAG,
        path=(*EXECUTION, Parameter("output_name", "Name of the output.")),
        answers=_VALUE,
    )
    async def output(
        self, execution_id: FromPath[str], output_name: FromPath[str]
    ) -> Response[bytes]:
        described = await self.outcomes.described(known_id(execution_id, "execution"))
        item = next((item for item in described.outputs if item.name == output_name), None)
        if item is None:
            raise NotFound(f"The execution has no output {output_name[:200]!r}.")
        if described.execution.status is not Status.SUCCEEDED:
            return no_content()
        if is_file(item):
            return await self.files.of_output(item)
        return json_answer((await self.values.of_output(item)).value)

    @described(
        "get_pipeline_execution_input",
        "Give one input of an execution",
        tag=_TAG,
        path=(*EXECUTION, Parameter("input_name", "Name of the input.")),
        answers=_VALUE,
    )
    async def input(
        self, execution_id: FromPath[str], input_name: FromPath[str]
    ) -> Response[bytes]:
        described = await self.outcomes.described(known_id(execution_id, "execution"))
        item = next((item for item in described.inputs if item.name == input_name), None)
        if item is None:
            raise NotFound(f"The execution has no input {input_name[:200]!r}.")
        if described.execution.started_at is None:
            return no_content()
        if is_file(item):
            return await self.files.of_input(item)
        return json_answer(input_value(await self.values.of_input(item), self.sealer.open))

    @described(
        "get_pipeline_execution_logs",
        "List what an execution has written",
        tag=_TAG,
        path=EXECUTION,
        body=LogPeriod,
        is_body_required=False,
        answers=list[list[ShownLine]],
    )
    async def logs(self, execution_id: FromPath[str], request: ApiRequest) -> Response[bytes]:
        period = await read_period(request)
        await self.outcomes.described(known_id(execution_id, "execution"))
        listed = await self.bus.request(
            LogsQueried(
                execution_id=execution_id,
                since=period.since,
                until=period.until,
                limit=period.most,
                ended=self.outcomes.has_ended(execution_id),
            )
        )
        return json_answer([[show_line(line) for line in listed.lines]])

    def _summary(self, execution: ExecutionSummary) -> ListedExecution:
        pipeline = self.definitions.catalog.pipelines.get(execution.pipeline_id)
        return list_execution(
            execution,
            None if pipeline is None else pipeline.name,
            self.definitions.deployment_name(execution.deployment_id),
        )


def _latest(executions: tuple[ExecutionSummary, ...]) -> Response[bytes]:
    return json_answer(ExecutionNamed(executions[0].id) if executions else None)
