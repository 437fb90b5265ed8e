"""Routes that show how busy the machines of the executors are."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from pumphouse.bus import Bus
from pumphouse.contracts.metrics import Sample, SamplesListed, SamplesQueried, WorkerSeries
from pumphouse.errors import Invalid
from pumphouse.gateway.answers import json_answer
from pumphouse.gateway.asking import WholeNumber, yes_or_no
from pumphouse.gateway.bodies import ApiRequest
from pumphouse.gateway.described import JSON, Parameter, described
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

CSV = "text/csv"

START = WholeNumber("start", "First moment, in ms since 1970.", least=0, most=LATEST_MS)
END = WholeNumber("end", "Last moment, in ms since 1970.", least=0, most=LATEST_MS)
DOWNLOAD = Parameter("download", "Whether to answer CSV.", bool)


class Totals(msgspec.Struct, frozen=True):
    """Of the machines of all executors, in bytes."""

    total_disk: int
    total_ram: int


class Worker(msgspec.Struct, frozen=True):
    worker: str


class ShownSeries(msgspec.Struct, frozen=True):
    """values: seconds since 1970, each with the usage then."""

    metric: Worker
    values: list[tuple[float, float]]


class ShownUsages(msgspec.Struct, frozen=True):
    """metrics: the usages of each worker, in percent or bytes per second."""

    additional_data: Totals
    metrics: dict[str, list[ShownSeries]]


@dataclass(frozen=True)
class ResourceMetricRoutes(Shared):
    bus: Bus

    def routes(self) -> list[HTTPRouteHandler]:
        return [get("/resource-metrics")(self.show)]

    @described(
        "get_resource_metrics",
        "Show how busy the machines of the executors are",
        tag="Metrics",
        query=(START.parameter, END.parameter, DOWNLOAD),
        answers={HTTPStatus.OK: {JSON: ShownUsages, CSV: str}},
    )
    async def show(self, request: ApiRequest) -> Response[bytes]:
        since, until = START.of(request), END.of(request)
        if until < since:
            raise Invalid("end must not be before start.")
        is_download = yes_or_no(request, DOWNLOAD.name)
        found = await self.bus.request(
            SamplesQueried(since=_moment(since), until=_moment(until), limit=MAX_POINTS)
        )
        if not is_download:
            return json_answer(_shown(found))
        return Response(
            _csv(found.series),
            media_type=CSV,
            headers={"Content-Disposition": 'attachment; filename="resource-metrics.csv"'},
        )


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _shown(found: SamplesListed) -> ShownUsages:
    """Times are seconds since 1970, as in the answers of Prometheus, whose form this is."""
    return ShownUsages(
        Totals(found.total_disk, found.total_ram),
        {
            name: [
                ShownSeries(
                    Worker(series.worker),
                    [(round(item.at.timestamp(), 3), usage(item)) for item in series.samples],
                )
                for series in found.series
            ]
            for name, usage in USAGES.items()
        },
    )


def _csv(series: Sequence[WorkerSeries]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["worker", "timestamp", *USAGES])
    for one in series:
        for sample in one.samples:
            usages = [usage(sample) for usage in USAGES.values()]
            writer.writerow([one.worker, sample.at.isoformat(), *usages])
    return text.getvalue().encode()
