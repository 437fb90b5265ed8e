"""Routes of pipelines."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

import msgspec
import uuid_utils
from litestar import Response, delete, get, post
from litestar.enums import MediaType
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from pumphouse.bus import Bus
from pumphouse.contracts.builds import BuildLogsQueried
from pumphouse.contracts.catalog import Code, Pipeline
from pumphouse.contracts.definitions import PipelineDiscarded, PipelineSubmitted
from pumphouse.contracts.vocabulary import PipelineStatus
from pumphouse.errors import Conflict, PumphouseError, Unavailable
from pumphouse.gateway.answers import json_answer
from pumphouse.gateway.archives import MAX_CONTENT_BYTES, check_archive
from pumphouse.gateway.asking import is_asked_to_wait
from pumphouse.gateway.bodies import ApiRequest, read_body_as, read_fields
from pumphouse.gateway.definitions import Definitions
from pumphouse.gateway.inside import FOR_EXECUTIONS
from pumphouse.gateway.links import Links
from pumphouse.gateway.periods import LogPeriod
from pumphouse.gateway.sharing import Shared
from pumphouse.gateway.submissions import no_template, read_submission
from pumphouse.gateway.views import list_pipeline, show_line, show_pipeline
from pumphouse.storage import Bucket
from pumphouse.storage.keys import archive_key

MAX_SUBMISSION_BYTES = MAX_CONTENT_BYTES + 2 * 1024 * 1024


class FromTemplate(msgspec.Struct, frozen=True):
    pipeline_name: str
    pipeline_template_name: str


@dataclass(frozen=True)
class PipelineRoutes(Shared):
    definitions: Definitions
    bus: Bus
    bucket: Bucket
    links: Links

    def routes(self) -> list[HTTPRouteHandler]:
        """Routes below /api/v1 for users."""
        return [
            post("/pipelines", request_max_body_size=MAX_SUBMISSION_BYTES)(self.create),
            get("/pipelines", opt=FOR_EXECUTIONS)(self.show_all),
            get("/pipelines/{name:str}", opt=FOR_EXECUTIONS)(self.show),
            delete("/pipelines/{name:str}", status_code=HTTPStatus.OK)(self.delete),
            post("/pipelines/{name:str}/logs")(self.logs),
            get("/pipelines/{name:str}/download")(self.download),
        ]

    async def create(self, request: ApiRequest) -> Response[bytes]:
        if request.content_type[0] == MediaType.JSON:
            raise no_template((await read_body_as(FromTemplate, request)).pipeline_template_name)
        submission = read_submission(await read_fields(request))
        content = await submission.archive.read()
        await asyncio.to_thread(
            check_archive,
            content,
            submission.function_path,
            submission.function_name,
            submission.requirements_path,
        )
        identifier = str(uuid_utils.uuid7())
        pipeline = Pipeline(
            id=identifier,
            name=submission.name,
            code=Code(
                archive=archive_key(identifier),
                function_path=submission.function_path,
                function_name=submission.function_name,
            ),
            description=submission.description,
            inputs=submission.inputs,
            outputs=submission.outputs,
            container=submission.container,
            status=PipelineStatus.PENDING if submission.needs_environment else PipelineStatus.READY,
            created_at=datetime.now(UTC),
            created_by=request.user,
        )
        await self._submit(pipeline, content)
        stored = self.definitions.catalog.pipelines.get(identifier, pipeline)
        return json_answer(show_pipeline(stored), HTTPStatus.CREATED)

    async def show_all(self) -> Response[bytes]:
        await self.definitions.catalog.refresh()
        pipelines = sorted(self.definitions.catalog.pipelines.values(), key=lambda p: p.created_at)
        return json_answer([list_pipeline(pipeline) for pipeline in pipelines])

    async def show(self, name: FromPath[str], request: ApiRequest) -> Response[bytes]:
        pipeline = await self.definitions.pipeline(name)
        if is_asked_to_wait(request):
            pipeline = await self._settled(pipeline)
        return json_answer(show_pipeline(pipeline))

    async def delete(self, name: FromPath[str], request: ApiRequest) -> Response[bytes]:
        pipeline = await self.definitions.pipeline(name)
        deployments = self.definitions.catalog.deployments_of(pipeline.id)
        is_forced = request.query_params.get("force_deployments_deletion", "").lower() == "true"
        if deployments and not is_forced:
            names = ", ".join(repr(deployment.name) for deployment in deployments[:10])
            raise Conflict(
                f"Pipeline {name!r} has deployments ({names}): delete them first, or set"
                " force_deployments_deletion."
            )
        await self.definitions.change(
            PipelineDiscarded(pipeline_id=pipeline.id, with_deployments=is_forced)
        )
        return json_answer(
            {
                "pipeline": {"name": pipeline.name},
                "deployments": [
                    {"name": deployment.name, "execution_rule": deployment.rule}
                    for deployment in deployments
                ],
            }
        )

    async def logs(self, name: FromPath[str], request: ApiRequest) -> Response[bytes]:
        """What was written while the environment was built."""
        period = await read_body_as(LogPeriod, request)
        period.check()
        pipeline = await self.definitions.pipeline(name)
        listed = await self.bus.request(
            BuildLogsQueried(
                pipeline_id=pipeline.id,
                since=period.since,
                until=period.until,
                limit=period.most,
            )
        )
        return json_answer([show_line(line) for line in listed.lines])

    async def download(self, name: FromPath[str], request: ApiRequest) -> Response[bytes]:
        pipeline = await self.definitions.pipeline(name)
        key = pipeline.code.archive
        await self.bucket.info(key)
        url = self.bucket.download_url(key, file_name=f"{pipeline.name}.tgz")
        return json_answer({"signed_url": self.links.reachable(url, request)})

    async def _submit(self, pipeline: Pipeline, content: bytes) -> None:
        await self.bucket.put(pipeline.code.archive, content)
        try:
            await self.definitions.change(PipelineSubmitted(pipeline=pipeline))
        except Unavailable:
            raise  # the registry may have stored the pipeline, which needs its code then
        except PumphouseError:
            await self.bucket.delete(pipeline.code.archive)
            raise

    async def _settled(self, pipeline: Pipeline) -> Pipeline:
        catalog = self.definitions.catalog

        def is_settled() -> bool:
            current = catalog.pipelines.get(pipeline.id)
            return current is None or current.status is not PipelineStatus.PENDING

        await self.definitions.hold_until(is_settled)
        return catalog.pipeline(pipeline.name)
