"""Wishes for environments in; lines of their builds, and ends of builds out."""

import asyncio
import contextlib
import logging
from typing import Protocol

from pumphouse.bus import Envelope
from pumphouse.contracts.builds import BuildFinished, BuildLogged, BuildRequested
from pumphouse.contracts.catalog import Pipeline
from pumphouse.contracts.vocabulary import PipelineStatus
from pumphouse.errors import Unavailable
from pumphouse.executor.building import Built
from pumphouse.executor.faults import BuildFailed, PlatformFault
from pumphouse.executor.logs import Log
from pumphouse.executor.reporting import LOG_EVERY_S, Publisher, deliver, next_batch

log = logging.getLogger(__name__)


class HasPipelines(Protocol):
    pipelines: dict[str, Pipeline]

    async def at_least(self, revision: int) -> None: ...


class Builds(Protocol):
    async def build(self, pipeline: Pipeline, log: Log) -> Built: ...


class BuildHandlers:
    """Delivered twice at once, a build is done once; delivered again, from its beginning."""

    def __init__(
        self, bus: Publisher, catalog: HasPipelines, builder: Builds, *, timeout_s: float
    ) -> None:
        self._bus = bus
        self._catalog = catalog
        self._builder = builder
        self._timeout_s = timeout_s
        self._under_way: dict[str, asyncio.Task[None] | None] = {}
        self._is_stopping = False

    async def requested(self, request: BuildRequested, _: Envelope) -> None:
        """Build, and return once its end is stored."""
        if self._is_stopping:
            raise Unavailable("This executor is stopping.")
        identifier = request.pipeline_id
        if identifier in self._under_way:
            raise Unavailable("This executor builds it already.")
        self._under_way[identifier] = asyncio.current_task()
        try:
            await self._catalog.at_least(request.catalog_revision)
            pipeline = self._catalog.pipelines.get(identifier)
            if pipeline is not None and pipeline.status is PipelineStatus.PENDING:
                await self._build(pipeline)
        finally:
            del self._under_way[identifier]

    def stop(self) -> None:
        """Give back what is under way: it is built again, here or elsewhere."""
        self._is_stopping = True
        for task in self._under_way.values():
            if task is not None:
                task.cancel()

    async def _build(self, pipeline: Pipeline) -> None:
        account = Log()
        telling = _Telling(self._bus, pipeline.id, account)
        try:
            finished = await self._finished(pipeline, account)
            if finished.message is not None:
                account.note(finished.message.partition("\n")[0])
            await telling.finish()
            await deliver(self._bus, finished)
        finally:
            telling.stop()

    async def _finished(self, pipeline: Pipeline, account: Log) -> BuildFinished:
        try:
            async with asyncio.timeout(self._timeout_s):
                built = await self._builder.build(pipeline, account)
        except BuildFailed as error:
            return _failed(pipeline, error.message)
        except PlatformFault as fault:
            fault.report(log)
            return _failed(pipeline, fault.message)
        except TimeoutError:
            return _failed(
                pipeline,
                f"The build exceeded its time limit of {self._timeout_s:g} s and was stopped.",
            )
        return BuildFinished(
            pipeline_id=pipeline.id,
            status=PipelineStatus.READY,
            environment=built.environment,
            commit_id=built.commit_id,
            archive=built.archive,
            image=built.image,
        )


class _Telling:
    """Publishes the lines of a build while it goes on."""

    def __init__(self, bus: Publisher, pipeline_id: str, account: Log) -> None:
        self._bus = bus
        self._pipeline_id = pipeline_id
        self._account = account
        self._sent = 0
        self._over = asyncio.Event()
        self._task = asyncio.create_task(self._tell())

    async def finish(self) -> None:
        """Return when all lines are told."""
        self._account.close()
        self._over.set()
        await self._task

    def stop(self) -> None:
        self._task.cancel()

    async def _tell(self) -> None:
        is_over = False
        while not is_over:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOG_EVERY_S):
                    await self._over.wait()
            is_over = self._over.is_set()
            while lines := next_batch(self._account.lines, self._sent):
                position, self._sent = self._sent, self._sent + len(lines)
                await deliver(
                    self._bus,
                    BuildLogged(pipeline_id=self._pipeline_id, position=position, lines=lines),
                )


def _failed(pipeline: Pipeline, message: str) -> BuildFinished:
    return BuildFinished(pipeline_id=pipeline.id, status=PipelineStatus.FAILED, message=message)
