"""Wiring of the registry."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from uuid import UUID, uuid5

from pumphouse.bus import Bus
from pumphouse.bus.topology import (
    REGISTRY_DEAD,
    REGISTRY_EVENTS,
    REGISTRY_PODS,
    REGISTRY_REQUESTS,
)
from pumphouse.contracts.records import UserDescribed
from pumphouse.postgres import migrate, open_pool
from pumphouse.registry.announcing import Announcer
from pumphouse.registry.handlers import DefinitionHandlers, EventHandlers, RecordHandlers
from pumphouse.registry.journal import Journal
from pumphouse.registry.queries import CatalogLog, Definitions, Executions, Folds, Users
from pumphouse.registry.reissuing import reissue
from pumphouse.registry.settings import Settings
from pumphouse.registry.waiting import StageWatch
from pumphouse.sealing import digest

log = logging.getLogger(__name__)

_USERS = UUID("6d1f1c0e-6b0f-5b57-9d0a-5b2f6f3f7a10")

ADMIN = UserDescribed(id=str(uuid5(_USERS, "admin")), name="admin", email="admin@localhost")
"""The user of settings.admin_token; the id is the same in every installation."""


@asynccontextmanager
async def running(settings: Settings, bus: Bus) -> AsyncIterator[None]:
    """The registry, serving until the context ends."""
    async with open_pool(settings.database_url, name="registry") as pool, AsyncExitStack() as stack:
        await migrate(pool, schema="registry", package="pumphouse.registry.migrations")
        catalog, executions, users = CatalogLog(pool), Executions(pool), Users(pool)
        announcer = Announcer(catalog, bus)
        watch = StageWatch(executions.stages)
        definitions = DefinitionHandlers(Definitions(pool), catalog, announcer, bus)
        records = RecordHandlers(executions, watch, catalog, users)
        events = EventHandlers(Journal(Folds(pool), watch.reached), bus)

        await users.enrol(ADMIN, digest(settings.admin_token))
        await executions.forget_deleted()
        unfinished = await executions.unfinished() if settings.reissue_on_start else []
        await definitions.declare_pod_queues()
        requests = {**definitions.requests, **records.requests}
        for subscribe in (
            partial(bus.serve, REGISTRY_REQUESTS, requests),
            partial(bus.consume, REGISTRY_EVENTS, events.events),
            partial(bus.consume, REGISTRY_DEAD, events.dead),
            partial(bus.consume, REGISTRY_PODS, definitions.pods),
        ):
            stack.push_async_callback((await subscribe()).cancel)
        stack.callback(watch.close)
        for work in (announcer.run(), watch.look(), reissue(unfinished, bus)):
            await stack.enter_async_context(_in_background(work))
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
