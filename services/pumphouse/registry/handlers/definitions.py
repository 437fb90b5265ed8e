"""Changes of pipelines, deployments and variables.

A request that comes a second time, because its answer was lost, is answered as it was the first.
"""

import logging

from pumphouse.bus import Bus, Envelope, Handlers, RequestHandlers
from pumphouse.bus.topology import pod_queue
from pumphouse.contracts.catalog import CatalogListed, Deployment
from pumphouse.contracts.definitions import (
    Definition,
    DeploymentDiscarded,
    DeploymentRevised,
    DeploymentSubmitted,
    PipelineDiscarded,
    PipelineSubmitted,
    VariableDiscarded,
    VariablesRevised,
)
from pumphouse.contracts.pods import PodReported
from pumphouse.contracts.vocabulary import Mode, PipelineStatus
from pumphouse.errors import Conflict, NotFound, Unavailable
from pumphouse.registry.clearing import Clearing
from pumphouse.registry.domain import created, quoted, reported, revised
from pumphouse.registry.outbox import Outbox
from pumphouse.registry.queries import CatalogLog, Definitions, Draft

log = logging.getLogger(__name__)


class DefinitionHandlers:
    def __init__(
        self,
        definitions: Definitions,
        catalog: CatalogLog,
        announcer: Outbox,
        clearing: Clearing,
        builds: Outbox,
        bus: Bus,
    ) -> None:
        self._definitions = definitions
        self._catalog = catalog
        self._announcer = announcer
        self._clearing = clearing
        self._builds = builds
        self._bus = bus

    @property
    def requests(self) -> RequestHandlers:
        return {
            PipelineSubmitted: self._submit_pipeline,
            PipelineDiscarded: self._discard_pipeline,
            DeploymentSubmitted: self._submit_deployment,
            DeploymentRevised: self._revise_deployment,
            DeploymentDiscarded: self._discard_deployment,
            VariablesRevised: self._revise_variables,
            VariableDiscarded: self._discard_variable,
        }

    @property
    def pods(self) -> Handlers:
        return {PodReported: self._report}

    async def declare_pod_queues(self) -> None:
        """Make the queues of all low latency deployments exist; a bus may have forgotten them."""
        for deployment in await self._definitions.deployments():
            await self._declare_queue(deployment)

    async def _submit_pipeline(self, request: PipelineSubmitted) -> CatalogListed:
        pipeline = request.pipeline
        async with self._definitions.revising() as draft:
            if await draft.pipeline(pipeline.id) is None:
                if await draft.pipeline_named(pipeline.name) is not None:
                    raise Conflict(f"There is already a pipeline named {pipeline.name!r}.")
                await draft.keep_pipeline(pipeline)
                if pipeline.status is PipelineStatus.PENDING:
                    await draft.begin_build(pipeline.id)
        self._builds.wake()
        return await self._answer(request)

    async def _discard_pipeline(self, request: PipelineDiscarded) -> CatalogListed:
        async with self._definitions.revising() as draft:
            pipeline = await draft.pipeline(request.pipeline_id)
            if pipeline is None:
                raise NotFound("There is no such pipeline any more.")
            deployments = await draft.deployments_of(pipeline.id)
            if deployments and not request.with_deployments:
                raise Conflict(
                    f"The pipeline {pipeline.name!r} is used by the deployments"
                    f" {quoted(d.name for d in deployments)}: delete them first."
                )
            for deployment in deployments:
                await draft.drop_deployment(deployment)
            await draft.drop_pipeline(pipeline.id)
        self._clearing.wake()
        for deployment in deployments:
            await self._delete_queue(deployment)
        return await self._answer(request)

    async def _submit_deployment(self, request: DeploymentSubmitted) -> CatalogListed:
        deployment = created(request.deployment)
        async with self._definitions.revising() as draft:
            if await draft.pipeline(deployment.pipeline_id) is None:
                raise NotFound("The pipeline of the deployment does not exist any more.")
            if await draft.deployment(deployment.id) is None:
                await _refuse_taken(draft, deployment)
                await draft.keep_deployment(deployment)
        await self._declare_queue(deployment)
        return await self._answer(request)

    async def _revise_deployment(self, request: DeploymentRevised) -> CatalogListed:
        wanted = request.deployment
        async with self._definitions.revising() as draft:
            stored = await draft.deployment(wanted.id)
            if stored is None:
                raise NotFound(f"The deployment {wanted.name!r} does not exist any more.")
            if stored.updated_at != wanted.updated_at:
                if stored.updated_at != request.base:
                    raise Conflict(
                        f"The deployment {wanted.name!r} was changed by somebody else meanwhile:"
                        " read it again and repeat the change."
                    )
                await _refuse_taken(draft, wanted)
                await draft.keep_deployment(revised(stored, wanted))
        return await self._answer(request)

    async def _discard_deployment(self, request: DeploymentDiscarded) -> CatalogListed:
        async with self._definitions.revising() as draft:
            deployment = await draft.deployment(request.deployment_id)
            if deployment is None:
                raise NotFound("There is no such deployment any more.")
            await draft.drop_deployment(deployment)
        self._clearing.wake()
        await self._delete_queue(deployment)
        return await self._answer(request)

    async def _revise_variables(self, request: VariablesRevised) -> CatalogListed:
        async with self._definitions.revising() as draft:
            for variable in request.variables:
                if await draft.variable(variable.name) != variable:
                    await draft.keep_variable(variable)
        return await self._answer(request)

    async def _discard_variable(self, request: VariableDiscarded) -> CatalogListed:
        async with self._definitions.revising() as draft:
            if await draft.variable(request.name) is None:
                raise NotFound(f"There is no environment variable named {request.name!r}.")
            await draft.drop_variable(request.name)
        return await self._answer(request)

    async def _report(self, report: PodReported, _: Envelope) -> None:
        async with self._definitions.revising() as draft:
            stored = await draft.deployment(report.deployment_id)
            if stored is None or (changed := reported(stored, report)) == stored:
                return
            await draft.keep_deployment(changed)
        self._announcer.wake()

    async def _answer(self, request: Definition) -> CatalogListed:
        self._announcer.wake()
        return await self._catalog.changes_after(request.after)

    async def _declare_queue(self, deployment: Deployment) -> None:
        if deployment.mode is Mode.LOW_LATENCY:
            await self._bus.declare(pod_queue(deployment.id))

    async def _delete_queue(self, deployment: Deployment) -> None:
        if deployment.mode is not Mode.LOW_LATENCY:
            return
        try:
            await self._bus.delete(pod_queue(deployment.id))
        except Unavailable as error:
            log.warning("the queue of deployment %s stays: %s", deployment.id, error.message)


async def _refuse_taken(draft: Draft, deployment: Deployment) -> None:
    namesake = await draft.deployment_named(deployment.name)
    if namesake is not None and namesake.id != deployment.id:
        raise Conflict(f"There is already a deployment named {deployment.name!r}.")
    if deployment.endpoint_url_path is None:
        return
    neighbour = await draft.deployment_at(deployment.endpoint_url_path)
    if neighbour is not None and neighbour.id != deployment.id:
        raise Conflict(
            f"The endpoint path {deployment.endpoint_url_path!r} is taken by the deployment"
            f" {neighbour.name!r}."
        )
