"""What pods write outside of executions."""

from pumphouse.bus import Envelope, Handlers, RequestHandlers
from pumphouse.contracts.pods import PodLogged, PodLogsListed, PodLogsQueried
from pumphouse.registry.queries import PodLogs


class PodLogHandlers:
    """Lines that are delivered twice are stored once; those of a deleted deployment never."""

    def __init__(self, logs: PodLogs) -> None:
        self._logs = logs

    @property
    def requests(self) -> RequestHandlers:
        return {PodLogsQueried: self._list}

    @property
    def events(self) -> Handlers:
        return {PodLogged: self._logged}

    async def _list(self, request: PodLogsQueried) -> PodLogsListed:
        lines = await self._logs.lines(
            request.deployment_id, request.since, request.until, request.limit
        )
        return PodLogsListed(lines=tuple(lines))

    async def _logged(self, event: PodLogged, _: Envelope) -> None:
        await self._logs.keep(event)
