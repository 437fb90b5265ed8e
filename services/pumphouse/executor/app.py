"""Wiring of the executor."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import (
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
)
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pumphouse.bus import Bus, Handler, Subscription
from pumphouse.bus.topology import BUILDS, ELASTIC_SHARDS, elastic_queue
from pumphouse.catalog import following
from pumphouse.contracts.builds import BuildRequested
from pumphouse.contracts.catalog import Deployment
from pumphouse.contracts.executions import PlanResolved
from pumphouse.contracts.message import Message
from pumphouse.contracts.pods import PodReported
from pumphouse.executor.access import Access, pod_of
from pumphouse.executor.archives import Archives
from pumphouse.executor.builds import BuildHandlers
from pumphouse.executor.conductor import Conductor, Place
from pumphouse.executor.docker.limits import Limits as ContainerLimits
from pumphouse.executor.docker.opening import open_docker
from pumphouse.executor.elastic import Elastic
from pumphouse.executor.enclosures import open_enclosures
from pumphouse.executor.handlers import PlanHandlers
from pumphouse.executor.input_files import Inputs
from pumphouse.executor.interpreters import blank_interpreter
from pumphouse.executor.isolation import Isolation
from pumphouse.executor.keeping import Outputs
from pumphouse.executor.lives import Lives
from pumphouse.executor.pods import Pods, at_once_of, replicas_of
from pumphouse.executor.processes import Processes
from pumphouse.executor.replicas import Replicas
from pumphouse.executor.reporting import deliver
from pumphouse.executor.sampling import WorkerFacts, sampling
from pumphouse.executor.settings import Settings
from pumphouse.executor.work import Variables
from pumphouse.executor.workbench import Workbench
from pumphouse.executor.workplace import Workplaces
from pumphouse.executor.workshop import Workshop
from pumphouse.executor.workspace import Workspace, open_workspace
from pumphouse.mapping import memory_of
from pumphouse.sealing import Sealer
from pumphouse.storage import Storage, open_storage


@dataclass(frozen=True)
class _Places:
    elastic: Elastic
    pods: Pods
    containers: Place

    def of(self, plan: PlanResolved) -> AbstractContextManager[Place]:
        if plan.code.image is not None:
            return nullcontext(self.containers)
        deployment_id = pod_of(plan)
        if deployment_id is None:
            return nullcontext(self.elastic)
        return self.pods.of(deployment_id).in_line()


@dataclass(frozen=True)
class _Parts:
    """What the rest of an executor is made of."""

    settings: Settings
    work_dir: Path
    workspace: Workspace
    storage: Storage
    archives: Archives
    variables: Variables


@dataclass(frozen=True)
class _Sandboxes:
    """Where user code runs, and where its environments are made."""

    isolation: Isolation
    workbench: Workbench
    workplaces: Workplaces
    containers: Place


@asynccontextmanager
async def _sandboxes(parts: _Parts) -> AsyncIterator[_Sandboxes]:
    settings, work_dir, workspace = parts.settings, parts.work_dir, parts.workspace
    blank = await blank_interpreter(work_dir)
    async with (
        open_enclosures(settings, work_dir, workspace, blank) as enclosures,
        open_docker(
            *(settings, work_dir, workspace, parts.archives),
            ContainerLimits(enclosures.limits.memory_bytes, enclosures.limits.processes),
        ) as docker,
    ):
        builder = settings.first_pool_user + settings.pool_users
        workshop = Workshop(
            *(enclosures.isolation, builder, workspace.new("workshop")),
            readable_paths=settings.readable_paths,
            shared_paths=settings.shared_paths,
        )
        workbench = Workbench(
            *(settings, work_dir, parts.storage.platform, parts.archives, workspace),
            *(parts.variables, workshop),
            images=docker.images,
        )
        processes = Processes(
            *(blank, workbench.installer.ready, parts.archives, enclosures.start),
            *(workspace.later, parts.variables.current),
            spares=settings.elastic_spares,
            warm=settings.warm_environments,
        )
        try:
            await processes.warm()
            yield _Sandboxes(
                *(enclosures.isolation, workbench, Workplaces(processes, parts.archives)),
                docker.containers,
            )
        finally:
            await processes.close()


def _replicas_maker(
    bus: Bus, workplaces: Workplaces, variables: Variables, settings: Settings
) -> Callable[[str, Deployment | None], Replicas]:
    async def report(message: PodReported) -> None:
        await deliver(bus, message)

    def make(deployment_id: str, deployment: Deployment | None) -> Replicas:
        lives = Lives(
            *(deployment_id, workplaces, bus),
            at_once=at_once_of(deployment),
            memory_bytes=memory_of(deployment),
            start_timeout_s=settings.pod_start_timeout_s,
        )
        count, now = replicas_of(deployment), partial(variables.of_pod, deployment_id)
        return Replicas(deployment_id, count, lives, now, report)

    return make


@asynccontextmanager
async def _telling_of_itself(bus: Bus, parts: _Parts, sandboxes: _Sandboxes) -> AsyncIterator[None]:
    listing = asyncio.create_task(sandboxes.workbench.pythons.versions())

    def facts() -> WorkerFacts:
        return WorkerFacts(
            isolation=sandboxes.isolation.level,
            missing=tuple(sandboxes.isolation.missing),
            slots=ELASTIC_SHARDS * parts.settings.elastic_prefetch,
            pythons=tuple(listing.result()) if listing.done() else (),
        )

    try:
        async with sampling(bus, parts.work_dir, parts.settings.sample_every_s, facts):
            yield
    finally:
        listing.cancel()
        await asyncio.wait([listing])


@asynccontextmanager
async def running(settings: Settings, bus: Bus) -> AsyncIterator[None]:
    """The executor at work on `bus` while the context is open."""
    work_dir = Path(settings.work_dir).absolute()
    async with AsyncExitStack() as stack:
        workspace = await stack.enter_async_context(open_workspace(work_dir))
        storage = await stack.enter_async_context(open_storage(settings.s3_url))
        archives = Archives(storage.platform, work_dir / "archives", settings.kept_archives)
        catalog = await stack.enter_async_context(following(bus))
        sealer = Sealer(settings.secret_key)
        variables = Variables(catalog, sealer, Access(settings.gateway_url, sealer))
        parts = _Parts(settings, work_dir, workspace, storage, archives, variables)
        sandboxes = await stack.enter_async_context(_sandboxes(parts))
        pods = Pods(bus, catalog, _replicas_maker(bus, sandboxes.workplaces, variables, settings))
        places = _Places(Elastic(sandboxes.workplaces), pods, sandboxes.containers)
        conductor = Conductor(
            *(workspace, Inputs(storage), Outputs(storage), variables, places),
            timeout_s=settings.execution_timeout_s,
        )
        plans = PlanHandlers(bus, catalog, conductor)
        handlers: dict[type[Message], Handler] = {PlanResolved: plans.resolved}
        builds = BuildHandlers(
            *(bus, catalog, sandboxes.workbench.builder), timeout_s=settings.build_timeout_s
        )
        await stack.enter_async_context(_telling_of_itself(bus, parts, sandboxes))
        subscriptions: list[Subscription] = []

        async def stop() -> None:
            builds.stop()
            plans.stop(settings.shutdown_grace_s)
            await asyncio.gather(*(s.cancel() for s in subscriptions), pods.close())

        # From here on there is work in hand, also if this is stopped before it is ready.
        stack.push_async_callback(stop)
        pods.follow(handlers)
        for shard in range(ELASTIC_SHARDS):
            queue = elastic_queue(shard, settings.elastic_prefetch)
            subscriptions.append(await bus.consume(queue, handlers))
        subscriptions.append(await bus.consume(BUILDS, {BuildRequested: builds.requested}))
        yield
