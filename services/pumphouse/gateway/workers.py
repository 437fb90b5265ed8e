"""Routes that show which executors there are, and what each can run."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from pumphouse.bus import Bus
from pumphouse.contracts.metrics import Worker, WorkersQueried
from pumphouse.gateway.answers import Moment, json_answer
from pumphouse.gateway.bodies import ApiRequest
from pumphouse.gateway.described import described
from pumphouse.gateway.sharing import Shared

SEEN_WITHIN = timedelta(minutes=1)
"""Executors say something every ten seconds, unless they are told otherwise."""


class ShownWorker(msgspec.Struct, frozen=True):
    """isolation: of user code, from 0 (none) to 3. missing: layers of it that the host does not
    have, each with the reason. slots: executions that it runs at once. pythons: versions that it
    can build environments for. total_ram, total_disk: bytes of its host."""

    worker: str
    host: str
    isolation: int
    missing: tuple[str, ...]
    slots: int
    pythons: tuple[str, ...]
    seen_at: Moment
    total_ram: int
    total_disk: int


@dataclass(frozen=True)
class WorkerRoutes(Shared):
    bus: Bus

    def routes(self) -> list[HTTPRouteHandler]:
        return [get("/workers")(self.show)]

    @described(
        "list_workers",
        "List the executors seen within the last minute, and what each can run",
        tag="Metrics",
        answers=list[ShownWorker],
    )
    async def show(self, request: ApiRequest) -> Response[bytes]:
        found = await self.bus.request(WorkersQueried(since=datetime.now(UTC) - SEEN_WITHIN))
        return json_answer([_shown(worker) for worker in found.workers])


def _shown(worker: Worker) -> ShownWorker:
    return ShownWorker(
        worker.worker,
        worker.host,
        worker.isolation,
        worker.missing,
        worker.slots,
        worker.pythons,
        worker.seen_at,
        worker.total_ram,
        worker.total_disk,
    )
