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

from pumphouse.archives import MAX_CONTENT_BYTES, check_archive, check_context
from pumphouse.bus import Bus
from pumphouse.contracts.builds import BuildLogsQueried
from pumphouse.contracts.catalog import Code, Pipeline
from pumphouse.contracts.definitions import PipelineDiscarded, PipelineSubmitted
from pumphouse.contracts.vocabulary import PipelineStatus
from pumphouse.errors import (
    Conflict,
    Invalid,
    NotFound,
    NotSupported,
    PumphouseError,
    Unavailable,
)
from pumphouse.gateway.answers import json_answer
from pumphouse.gateway.asking import WAIT, is_asked_to_wait
from pumphouse.gateway.bodies import ApiRequest, read_body_as, read_fields
from pumphouse.gateway.definitions import Definitions
from pumphouse.gateway.described import JSON, Parameter, described
from pumphouse.gateway.inside import FOR_EXECUTIONS
from pumphouse.gateway.links import Links
from pumphouse.gateway.log_lines import ShownLine, show_line
from pumphouse.gateway.names import Name, check_name
from pumphouse.gateway.offered_templates import OfferedTemplates, pipeline_from
from pumphouse.gateway.parameters import PIPELINE
from pumphouse.gateway.periods import LogPeriod, read_period
from pumphouse.gateway.pipeline_form import PIPELINE_FORM
from pumphouse.gateway.pipeline_views import (
    DeletedDeployment,
    DeletedPipeline,
    ListedPipeline,
    PipelineNamed,
    ShownPipeline,
    SignedLink,
    list_pipeline,
    show_pipeline,
)
from pumphouse.gateway.project import ProjectDefaults
from pumphouse.gateway.sharing import Shared
from pumphouse.gateway.submissions import Submission, read_submission
from pumphouse.sealing import Sealer
from pumphouse.storage import Bucket
from pumphouse.storage.keys import archive_key

MAX_SUBMISSION_BYTES = MAX_CONTENT_BYTES + 2 * 1024 * 1024


_TAG = "Pipelines"
_FORCE = Parameter("force_deployments_deletion", "Whether its deployments go with it.", bool)


class FromTemplate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that a pipeline from a template is told: the template says the rest."""

    pipeline_name: Name
    pipeline_template_name: str


@dataclass(frozen=True)
class PipelineRoutes(Shared):
    definitions: Definitions
    bus: Bus
    bucket: Bucket
    links: Links
    sealer: Sealer
    project: ProjectDefaults
    templates: OfferedTemplates
    allows_dockerfiles: bool

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

    @described(
        "create_pipeline",
        "Create a pipeline",
        tag=_TAG,
        body={JSON: FromTemplate, **PIPELINE_FORM},
        answers={HTTPStatus.CREATED: ShownPipeline},
        refusals=(NotFound, Conflict, NotSupported),
        details="From a folder or a git repository by a form, from a template by JSON.",
    )
    async def create(self, request: ApiRequest) -> Response[bytes]:
        if request.content_type[0] == MediaType.JSON:
            return await self._create_from_template(
                await read_body_as(FromTemplate, request), request.user
            )
        submission = read_submission(
            await read_fields(request), self.project, allows_dockerfiles=self.allows_dockerfiles
        )
        content = await _checked_content(submission)
        key = submission.deploy_key
        identifier = str(uuid_utils.uuid7())
        pipeline = Pipeline(
            id=identifier,
            name=submission.name,
            code=Code(
                archive=archive_key(identifier),
                function_path=submission.function_path,
                function_name=submission.function_name,
                dockerfile=submission.dockerfile_path,
            ),
            description=submission.description,
            inputs=submission.inputs,
            outputs=submission.outputs,
            container=submission.container,
            status=PipelineStatus.PENDING if submission.needs_build else PipelineStatus.READY,
            deploy_key=None if key is None else self.sealer.seal(key),
            created_at=datetime.now(UTC),
            created_by=request.user,
        )
        await self._submit(pipeline, content)
        stored = self.definitions.catalog.pipelines.get(identifier, pipeline)
        return json_answer(show_pipeline(stored), HTTPStatus.CREATED)

    @described(
        "list_pipelines",
        "List all pipelines",
        tag=_TAG,
        answers=list[ListedPipeline],
    )
    async def show_all(self) -> Response[bytes]:
        await self.definitions.catalog.refresh()
        pipelines = sorted(self.definitions.catalog.pipelines.values(), key=lambda p: p.created_at)
        return json_answer([list_pipeline(pipeline) for pipeline in pipelines])

    @described(
        "get_pipeline",
        "Show a pipeline",
        tag=_TAG,
        path=PIPELINE,
        query=(WAIT,),
        answers=ShownPipeline,
    )
    async def show(self, name: FromPath[str], request: ApiRequest) -> Response[bytes]:
        pipeline = await self.definitions.pipeline(name)
        if is_asked_to_wait(request):
            pipeline = await self._settled(pipeline)
        return json_answer(show_pipeline(pipeline))

    @described(
        "delete_pipeline",
        "Delete a pipeline and its executions",
        tag=_TAG,
        path=PIPELINE,
        query=(_FORCE,),
        answers=DeletedPipeline,
        refusals=(Conflict,),
    )
    async def delete(self, name: FromPath[str], request: ApiRequest) -> Response[bytes]:
        pipeline = await self.definitions.pipeline(name)
        deployments = self.definitions.catalog.deployments_of(pipeline.id)
        is_forced = request.query_params.get(_FORCE.name, "").lower() == "true"
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
            DeletedPipeline(
                PipelineNamed(pipeline.name),
                [DeletedDeployment(one.name, one.rule) for one in deployments],
            )
        )

    @described(
        "get_pipeline_logs",
        "List what was written while a pipeline was made ready",
        tag=_TAG,
        path=PIPELINE,
        body=LogPeriod,
        is_body_required=False,
        answers=list[ShownLine],
    )
    async def logs(self, name: FromPath[str], request: ApiRequest) -> Response[bytes]:
        """What was written while the environment was built."""
        period = await read_period(request)
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

    @described(
        "download_pipeline_local_folder",
        "Get a link that downloads the folder of a pipeline",
        tag=_TAG,
        path=PIPELINE,
        answers=SignedLink,
    )
    async def download(self, name: FromPath[str], request: ApiRequest) -> Response[bytes]:
        pipeline = await self.definitions.pipeline(name)
        if url := pipeline.container.get("repository_url"):
            raise Invalid(
                f"The code of pipeline {name!r} is from a git repository: clone {url} at the"
                " commit that its creation_info shows."
            )
        key = pipeline.code.archive
        await self.bucket.info(key)
        url = self.bucket.download_url(key, file_name=f"{pipeline.name}.tgz")
        return json_answer(SignedLink(self.links.reachable(url, request)))

    async def _create_from_template(self, wish: FromTemplate, user_id: str) -> Response[bytes]:
        check_name(wish.pipeline_name, "The pipeline name")
        template = self.templates.enabled(wish.pipeline_template_name)
        pipeline = pipeline_from(template.declaration, wish.pipeline_name, user_id)
        await self._submit(pipeline, template.archive)
        return json_answer(show_pipeline(pipeline), HTTPStatus.CREATED)

    async def _submit(self, pipeline: Pipeline, content: bytes | None) -> None:
        if content is not None:
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


async def _checked_content(submission: Submission) -> bytes | None:
    """The archive that came with the form; None when the code is in a repository."""
    if submission.archive is None:
        return None
    content = await submission.archive.read()
    if submission.dockerfile_path is not None:
        await asyncio.to_thread(check_context, content, submission.dockerfile_path)
        return content
    await asyncio.to_thread(
        check_archive,
        content,
        submission.function_path,
        submission.function_name,
        submission.requirements_path,
    )
    return content
