"""What executors say about the pipelines that they build."""

import logging

from pumphouse.bus import Envelope, Handlers, RequestHandlers
from pumphouse.contracts.builds import (
    BuildFinished,
    BuildLogged,
    BuildLogsQueried,
    BuildRequested,
)
from pumphouse.contracts.records import LogsListed
from pumphouse.registry.domain import built, unbuildable
from pumphouse.registry.outbox import Outbox
from pumphouse.registry.queries import Builds, Definitions

log = logging.getLogger(__name__)


class BuildHandlers:
    """The first end of a build counts; what is said of a deleted pipeline is ignored."""

    def __init__(self, definitions: Definitions, builds: Builds, announcer: Outbox) -> None:
        self._definitions = definitions
        self._builds = builds
        self._announcer = announcer

    @property
    def requests(self) -> RequestHandlers:
        return {BuildLogsQueried: self._logs}

    @property
    def events(self) -> Handlers:
        return {BuildLogged: self._logged, BuildFinished: self._finished}

    @property
    def dead(self) -> Handlers:
        return {BuildRequested: self._died}

    async def _logs(self, request: BuildLogsQueried) -> LogsListed:
        lines = await self._builds.lines(
            request.pipeline_id, request.since, request.until, request.limit
        )
        return LogsListed(lines=tuple(lines))

    async def _logged(self, event: BuildLogged, _: Envelope) -> None:
        await self._builds.keep_lines(event)

    async def _finished(self, event: BuildFinished, _: Envelope) -> None:
        await self._end(event)

    async def _died(self, message: BuildRequested, envelope: Envelope) -> None:
        reference = envelope.message_id
        log.error(
            "the environment of pipeline %s cannot be built: %s (reference %s)",
            message.pipeline_id,
            envelope.reason,
            reference,
        )
        await self._end(unbuildable(message.pipeline_id, reference))

    async def _end(self, end: BuildFinished) -> None:
        async with self._definitions.revising() as draft:
            stored = await draft.pipeline(end.pipeline_id)
            if stored is None or (changed := built(stored, end)) == stored:
                return
            await draft.keep_pipeline(changed)
            await draft.end_build(changed.id)
        self._announcer.wake()
