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
from pumphouse.contracts.executions import PlanResolved
from pumphouse.contracts.message import Message
from pumphouse.contracts.pods import PodReported
from pumphouse.executor.access import Access, pod_of
from pumphouse.executor.archives import Archives
from pumphouse.executor.builds import BuildHandlers
from pumphouse.executor.conductor import Conductor, Place
from pumphouse.executor.docker.limits import Limits
from pumphouse.executor.docker.opening import open_docker
from pumphouse.executor.elastic import Elastic
from pumphouse.executor.handlers import PlanHandlers
from pumphouse.executor.input_files import Inputs
from pumphouse.executor.interpreter_pools import InterpreterPools
from pumphouse.executor.interpreters import blank_interpreter
from pumphouse.executor.keeping import Outputs
from pumphouse.executor.lives import Lives
from pumphouse.executor.pod import Pod
from pumphouse.executor.pods import Pods
from pumphouse.executor.reporting import deliver
from pumphouse.executor.sampling import WorkerFacts, sampling
from pumphouse.executor.settings import Settings
from pumphouse.executor.work import Variables
from pumphouse.executor.workbench import Workbench
from pumphouse.executor.workplace import Workplaces
from pumphouse.executor.workspace import open_workspace
from pumphouse.sealing import Sealer
from pumphouse.storage import open_storage


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
        return self.pods.pod(deployment_id).in_line()


@asynccontextmanager
async def _interpreters(
    settings: Settings, work_dir: Path, workbench: Workbench
) -> AsyncIterator[InterpreterPools]:
    pools = InterpreterPools(
        await blank_interpreter(work_dir),
        workbench.installer.ready,
        spares=settings.elastic_spares,
        warm=settings.warm_environments,
    )
    pools.fill()
    try:
        yield pools
    finally:
        await pools.close()


def _pod_maker(
    bus: Bus, workplaces: Workplaces, variables: Variables, settings: Settings
) -> Callable[[str, int | None], Pod]:
    async def report(message: PodReported) -> None:
        await deliver(bus, message)

    def make(deployment_id: str, at_once: int | None) -> Pod:
        lives = Lives(
            *(deployment_id, workplaces, bus),
            at_once=at_once,
            start_timeout_s=settings.pod_start_timeout_s,
        )
        return Pod(deployment_id, lives, partial(variables.of_pod, deployment_id), report)

    return make


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
        docker = await stack.enter_async_context(
            open_docker(settings, work_dir, workspace, archives, Limits())
        )
        workbench = Workbench(
            *(settings, work_dir, storage.platform, archives, workspace, variables),
            images=docker.images,
        )
        pools = await stack.enter_async_context(_interpreters(settings, work_dir, workbench))
        workplaces = Workplaces(pools, archives, workspace)
        pods = Pods(bus, catalog, _pod_maker(bus, workplaces, variables, settings))
        places = _Places(Elastic(workplaces), pods, docker.containers)
        conductor = Conductor(workspace, Inputs(storage), Outputs(storage), variables, places)
        plans = PlanHandlers(bus, catalog, conductor)
        handlers: dict[type[Message], Handler] = {PlanResolved: plans.resolved}
        builds = BuildHandlers(bus, catalog, workbench.builder, timeout_s=settings.build_timeout_s)
        facts = WorkerFacts()
        await stack.enter_async_context(sampling(bus, work_dir, settings.sample_every_s, facts))
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
