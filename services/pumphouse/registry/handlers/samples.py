"""How busy the machines of the executors are, and what those can run."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from pumphouse.bus import Envelope, Handlers, RequestHandlers
from pumphouse.contracts.metrics import (
    SamplesListed,
    SamplesQueried,
    WorkerSampled,
    WorkersListed,
    WorkersQueried,
)
from pumphouse.errors import PumphouseError
from pumphouse.registry.queries import Samples, Workers

log = logging.getLogger(__name__)

FORGET_EVERY_S = 3600.0


class SampleHandlers:
    """A sample that is delivered twice is stored once."""

    def __init__(self, samples: Samples, workers: Workers) -> None:
        self._samples = samples
        self._workers = workers

    @property
    def requests(self) -> RequestHandlers:
        return {SamplesQueried: self._between, WorkersQueried: self._seen}

    @property
    def events(self) -> Handlers:
        return {WorkerSampled: self._sampled}

    async def forget_old(self, life_s: float) -> None:
        """Delete samples, and workers without newer ones, older than `life_s` s, for ever."""
        while True:
            before = datetime.now(UTC) - timedelta(seconds=life_s)
            try:
                await self._samples.forget(before)
                await self._workers.forget(before)
            except PumphouseError as error:
                log.warning("old samples wait to be deleted: %s", error.message)
            await asyncio.sleep(FORGET_EVERY_S)

    async def _between(self, request: SamplesQueried) -> SamplesListed:
        return await self._samples.between(request.since, request.until, request.limit)

    async def _seen(self, request: WorkersQueried) -> WorkersListed:
        return WorkersListed(workers=await self._workers.seen(request.since))

    async def _sampled(self, event: WorkerSampled, _: Envelope) -> None:
        await self._samples.keep(event)
        await self._workers.keep(event)
