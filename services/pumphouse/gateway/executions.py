"""Routes of executions and of runs."""

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
from pumphouse.gateway.asking import is_asked_to_wait
from pumphouse.gateway.bodies import ApiRequest, read_body_as
from pumphouse.gateway.definitions import Definitions
from pumphouse.gateway.documents import read_json, read_object
from pumphouse.gateway.given_inputs import read_run
from pumphouse.gateway.inside import FOR_EXECUTIONS
from pumphouse.gateway.kept_values import KeptValues
from pumphouse.gateway.mappings import read_mapping
from pumphouse.gateway.names import known_id
from pumphouse.gateway.outcomes import Outcomes, check_success
from pumphouse.gateway.periods import LogPeriod
from pumphouse.gateway.sharing import Shared
from pumphouse.gateway.single_files import SingleFiles
from pumphouse.gateway.triggers import Triggers, check_ready
from pumphouse.gateway.views import (
    input_value,
    is_file,
    show_execution,
    show_line,
    show_outputs,
    show_summary,
)
from pumphouse.sealing import Sealer


@dataclass(frozen=True)
class ExecutionRoutes(Shared):
    definitions: Definitions
    outcomes: Outcomes
    triggers: Triggers
    bus: Bus
    sealer: Sealer
    values: KeptValues
    files: SingleFiles
    hold_s: float

    def routes(self) -> list[HTTPRouteHandler]:
        """Routes below /api/v1 for users."""
        one = "/executions/{execution_id:str}"
        return [
            post("/pipelines/{name:str}/run", request_max_body_size=None)(self.run),
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

    async def run(self, name: FromPath[str], request: ApiRequest) -> Response[bytes]:
        pipeline = await self.definitions.pipeline(name)
        check_ready(pipeline)
        types = {item.name: item.data_type for item in pipeline.inputs}
        async with self.triggers.intake(pipeline.id, None) as intake:
            fields = await read_run(request, types, intake)
            given = read_object(fields.get("json_inputs") or "{}", "json_inputs")
            mapping = read_mapping(
                read_json(fields.get("inputs_mapping") or "[]", "inputs_mapping"),
                read_json(fields.get("outputs_mapping") or "[]", "outputs_mapping"),
            )
            await self.triggers.run(pipeline, mapping, given, intake, request.user)
        return json_answer({"execution_id": intake.execution_id}, HTTPStatus.ACCEPTED)

    async def show_all(self, name: FromPath[str]) -> Response[bytes]:
        pipeline = await self.definitions.pipeline(name)
        executions = await self.outcomes.listed(pipeline_id=pipeline.id)
        return json_answer([self._summary(execution) for execution in executions])

    async def latest_of_pipeline(self, name: FromPath[str]) -> Response[bytes]:
        pipeline = await self.definitions.pipeline(name)
        return _latest(await self.outcomes.listed(pipeline_id=pipeline.id, limit=1))

    async def latest_of_deployment(self, name: FromPath[str]) -> Response[bytes]:
        deployment, _ = await self.definitions.deployment(name)
        return _latest(await self.outcomes.listed(deployment_id=deployment.id, limit=1))

    async def show(self, execution_id: FromPath[str], request: ApiRequest) -> Response[bytes]:
        described = await self.outcomes.described(known_id(execution_id, "execution"))
        await self.definitions.catalog.refresh()
        execution = described.execution
        with_values = request.query_params.get("include_io_values", "").lower() != "false"
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

    async def delete(self, execution_id: FromPath[str]) -> Response[bytes]:
        await self.outcomes.delete(known_id(execution_id, "execution"))
        return json_answer({"execution_id": execution_id})

    async def outputs(self, execution_id: FromPath[str], request: ApiRequest) -> Response[bytes]:
        known_id(execution_id, "execution")
        is_waiting = is_asked_to_wait(request)
        outcome = await self.outcomes.outcome(execution_id, self.hold_s if is_waiting else 0)
        if outcome is not None:
            check_success(execution_id, outcome)
            outputs = await self.values.of_outputs(outcome.outputs)
            return json_answer({"outputs": show_outputs(outputs)})
        if not is_waiting:
            raise Conflict("The execution has not ended: add wait_for_completion=true to wait.")
        location = f"/api/v1/executions/{execution_id}/outputs?wait_for_completion=true"
        return json_answer(
            {"execution_id": execution_id},
            HTTPStatus.TEMPORARY_REDIRECT,
            {"Location": location},
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

    async def logs(self, execution_id: FromPath[str], request: ApiRequest) -> Response[bytes]:
        period = await read_body_as(LogPeriod, request)
        period.check()
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

    def _summary(self, execution: ExecutionSummary) -> dict[str, Any]:
        pipeline = self.definitions.catalog.pipelines.get(execution.pipeline_id)
        return show_summary(
            execution,
            None if pipeline is None else pipeline.name,
            self.definitions.deployment_name(execution.deployment_id),
        )


def _latest(executions: tuple[ExecutionSummary, ...]) -> Response[bytes]:
    return json_answer({"execution_id": executions[0].id} if executions else None)
