"""Wiring of the registry."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from uuid import UUID, uuid5

from pumphouse.bus import Bus, Handlers, RequestHandlers
from pumphouse.bus.topology import (
    REGISTRY_BUILDS,
    REGISTRY_DEAD,
    REGISTRY_EVENTS,
    REGISTRY_POD_LOGS,
    REGISTRY_PODS,
    REGISTRY_REQUESTS,
    REGISTRY_SAMPLES,
    Queue,
)
from pumphouse.contracts.records import UserDescribed
from pumphouse.postgres import migrate, open_pool
from pumphouse.registry.announcing import announcer
from pumphouse.registry.build_requests import build_requests
from pumphouse.registry.clearing import Clearing
from pumphouse.registry.handlers import (
    BuildHandlers,
    DefinitionHandlers,
    EventHandlers,
    MetricHandlers,
    PodLogHandlers,
    RecordHandlers,
    SampleHandlers,
)
from pumphouse.registry.journal import Journal
from pumphouse.registry.queries import (
    Builds,
    CatalogLog,
    Definitions,
    DiscardedFiles,
    Executions,
    Folds,
    Metrics,
    Owners,
    PodLogs,
    Samples,
    Users,
    Workers,
)
from pumphouse.registry.reissuing import reissue
from pumphouse.registry.settings import Settings
from pumphouse.registry.sweeping import Sweep
from pumphouse.registry.waiting import StageWatch
from pumphouse.sealing import digest
from pumphouse.storage import open_storage

log = logging.getLogger(__name__)

_USERS = UUID("6d1f1c0e-6b0f-5b57-9d0a-5b2f6f3f7a10")

ADMIN = UserDescribed(id=str(uuid5(_USERS, "admin")), name="admin", email="admin@localhost")
"""The user of settings.admin_token; the id is the same in every installation."""


@asynccontextmanager
async def running(settings: Settings, bus: Bus) -> AsyncIterator[None]:
    """The registry, serving until the context ends."""
    async with (
        open_pool(settings.database_url, name="registry") as pool,
        open_storage(settings.s3_url) as storage,
        AsyncExitStack() as stack,
    ):
        await migrate(pool, schema="registry", package="pumphouse.registry.migrations")
        catalog, executions, users = CatalogLog(pool), Executions(pool), Users(pool)
        announcing, watch = announcer(catalog, bus), StageWatch(executions.stages)
        discarded = DiscardedFiles(pool)
        clearing = Clearing(discarded, storage.platform)
        sweep = Sweep(storage, Owners(pool), discarded, clearing)
        drafts, builds = Definitions(pool), Builds(pool)
        wishes = build_requests(builds, bus)
        definitions = DefinitionHandlers(drafts, catalog, announcing, clearing, wishes, bus)
        building = BuildHandlers(drafts, builds, announcing)
        records = RecordHandlers(executions, watch, clearing, catalog, users)
        metrics = MetricHandlers(Metrics(pool), executions, watch)
        samples = SampleHandlers(Samples(pool), Workers(pool))
        pod_logs = PodLogHandlers(PodLogs(pool))
        events = EventHandlers(Journal(Folds(pool), watch.reached), bus)

        await users.enrol(ADMIN, digest(settings.admin_token))
        await executions.forget_deleted()
        if settings.reissue_on_start:
            await builds.request_again()
        unfinished = await executions.unfinished() if settings.reissue_on_start else []
        await definitions.declare_pod_queues()
        requests = (
            *(definitions.requests, building.requests, records.requests),
            *(metrics.requests, samples.requests, pod_logs.requests),
        )
        consumed = {
            REGISTRY_EVENTS: events.events,
            REGISTRY_DEAD: {**events.dead, **building.dead},
            REGISTRY_PODS: definitions.pods,
            REGISTRY_POD_LOGS: pod_logs.events,
            REGISTRY_BUILDS: building.events,
            REGISTRY_SAMPLES: samples.events,
        }
        await stack.enter_async_context(_subscribed(bus, requests, consumed))
        stack.callback(watch.close)
        for work in (
            *(announcing.run(), wishes.run(), watch.look(), clearing.run()),
            sweep.run(settings.sweep_every_s, settings.unfinished_upload_life_s),
            samples.forget_old(settings.sample_life_s),
            reissue(unfinished, bus),
        ):
            await stack.enter_async_context(_in_background(work))
        yield


@asynccontextmanager
async def _subscribed(
    bus: Bus, requests: Iterable[RequestHandlers], consumed: Mapping[Queue, Handlers]
) -> AsyncIterator[None]:
    """Answer requests and take events while the context is open."""
    answered = {kind: handler for handlers in requests for kind, handler in handlers.items()}
    async with AsyncExitStack() as stack:
        stack.push_async_callback((await bus.serve(REGISTRY_REQUESTS, answered)).cancel)
        for queue, handlers in consumed.items():
            stack.push_async_callback((await bus.consume(queue, handlers)).cancel)
        yield


@asynccontextmanager
async def _in_background(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    task.add_done_callback(_tell_of_failure)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _tell_of_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("the registry is without %s", task.get_coro(), exc_info=error)
