"""Routes by which users start executions."""

from dataclasses import dataclass
from http import HTTPStatus

from litestar import Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from pumphouse.errors import Conflict
from pumphouse.gateway.answers import json_answer
from pumphouse.gateway.bodies import ApiRequest
from pumphouse.gateway.caller_names import caller_types
from pumphouse.gateway.definitions import Definitions
from pumphouse.gateway.described import described
from pumphouse.gateway.documents import read_json, read_object
from pumphouse.gateway.execution_views import ExecutionNamed
from pumphouse.gateway.given_forms import CALL, RUN_FORM
from pumphouse.gateway.given_inputs import read_call, read_run
from pumphouse.gateway.mappings import read_mapping
from pumphouse.gateway.parameters import DEPLOYMENT, PIPELINE
from pumphouse.gateway.sharing import Shared
from pumphouse.gateway.triggers import Triggers, check_callable, check_ready

_TAG = "Executions"


@dataclass(frozen=True)
class RunRoutes(Shared):
    definitions: Definitions
    triggers: Triggers

    def routes(self) -> list[HTTPRouteHandler]:
        """Routes below /api/v1 for users."""
        return [
            post("/pipelines/{name:str}/run", request_max_body_size=None)(self.run),
            post("/deployments/{name:str}/executions", request_max_body_size=None)(self.trigger),
        ]

    @described(
        "run_pipeline",
        "Run a pipeline",
        tag=_TAG,
        path=PIPELINE,
        body=RUN_FORM,
        answers={HTTPStatus.ACCEPTED: ExecutionNamed},
        refusals=(Conflict,),
        details="A file is a part of the form by the name of its input.",
    )
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
        return json_answer(ExecutionNamed(intake.execution_id), HTTPStatus.ACCEPTED)

    @described(
        "trigger_deployment",
        "Call an endpoint as a user, without its token",
        tag=_TAG,
        path=DEPLOYMENT,
        body=CALL,
        is_body_required=False,
        answers={HTTPStatus.ACCEPTED: ExecutionNamed},
        refusals=(Conflict,),
    )
    async def trigger(self, name: FromPath[str], request: ApiRequest) -> Response[bytes]:
        deployment, pipeline = await self.definitions.deployment(name)
        check_callable(deployment)
        async with self.triggers.intake(pipeline.id, deployment.id) as intake:
            given = await read_call(request, caller_types(deployment, pipeline), intake)
            await self.triggers.call(deployment, pipeline, given, intake)
        return json_answer(ExecutionNamed(intake.execution_id), HTTPStatus.ACCEPTED)
