"""Routes that show how busy the machines of the executors are."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from pumphouse.bus import Bus
from pumphouse.contracts.metrics import Sample, SamplesListed, SamplesQueried, WorkerSeries
from pumphouse.errors import Invalid
from pumphouse.gateway.answers import json_answer
from pumphouse.gateway.asking import whole_number, yes_or_no
from pumphouse.gateway.bodies import ApiRequest
from pumphouse.gateway.sharing import Shared

MAX_POINTS = 1_000
"""Of one worker in one answer."""

LATEST_MS = 253_402_300_799_999
"""The last moment that a datetime can hold, in milliseconds since 1970."""

USAGES: dict[str, Callable[[Sample], float]] = {
    "cpu_usage": lambda sample: sample.cpu,
    "disk_usage": lambda sample: sample.disk,
    "ram_usage": lambda sample: sample.ram,
    "network_input_usage": lambda sample: sample.network_in,
    "network_output_usage": lambda sample: sample.network_out,
}
"""By the name that clients know; percent, and bytes per second for the network."""


@dataclass(frozen=True)
class ResourceMetricRoutes(Shared):
    bus: Bus

    def routes(self) -> list[HTTPRouteHandler]:
        return [get("/resource-metrics")(self.show)]

    async def show(self, request: ApiRequest) -> Response[bytes]:
        since = whole_number(request, "start", least=0, most=LATEST_MS)
        until = whole_number(request, "end", least=0, most=LATEST_MS)
        if until < since:
            raise Invalid("end must not be before start.")
        is_download = yes_or_no(request, "download")
        found = await self.bus.request(
            SamplesQueried(since=_moment(since), until=_moment(until), limit=MAX_POINTS)
        )
        if not is_download:
            return json_answer(_shown(found))
        return Response(
            _csv(found.series),
            media_type="text/csv",
            headers={"Content-Disposition": 'attachment; filename="resource-metrics.csv"'},
        )


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _shown(found: SamplesListed) -> dict[str, Any]:
    """Times are seconds since 1970, as in the answers of Prometheus, whose form this is."""
    return {
        "additional_data": {"total_disk": found.total_disk, "total_ram": found.total_ram},
        "metrics": {
            name: [
                {
                    "metric": {"worker": series.worker},
                    "values": [
                        [round(sample.at.timestamp(), 3), usage(sample)]
                        for sample in series.samples
                    ],
                }
                for series in found.series
            ]
            for name, usage in USAGES.items()
        },
    }


def _csv(series: Sequence[WorkerSeries]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["worker", "timestamp", *USAGES])
    for one in series:
        for sample in one.samples:
            usages = [usage(sample) for usage in USAGES.values()]
            writer.writerow([one.worker, sample.at.isoformat(), *usages])
    return text.getvalue().encode()
