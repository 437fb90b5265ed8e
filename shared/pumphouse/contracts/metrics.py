"""Numbers that executions record, and how busy the machines of the executors are."""

from datetime import datetime

import msgspec

from pumphouse.contracts.message import Message, Request


class MetricStored(Message, frozen=True, kw_only=True, tag="metric.stored.v1"):
    execution_id: str
    name: str


class MetricRecorded(Request[MetricStored], frozen=True, kw_only=True, tag="metric.recorded.v1"):
    """Store a number of an execution in place of the one it has by this name, if any.

    NotFound when there is no such execution.
    """

    execution_id: str
    name: str
    value: float


class MetricExtended(Request[MetricStored], frozen=True, kw_only=True, tag="metric.extended.v1"):
    """Append to the list that an execution has by this name; values: at most 10 000.

    Sent again because its answer was lost, it appends again. NotFound when there is no such
    execution.
    """

    execution_id: str
    name: str
    values: tuple[float, ...]


class MetricFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which metrics; None does not narrow."""

    name: str | None = None
    pipeline_id: str | None = None
    deployment_id: str | None = None
    execution_id: str | None = None


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """created_at: of its first value."""

    name: str
    value: float
    created_at: datetime
    execution_id: str
    pipeline_id: str
    deployment_id: str | None = None


class MetricsListed(Message, frozen=True, kw_only=True, tag="metrics.listed.v1"):
    """total_count: of all pages, as of the moment of this one."""

    metrics: tuple[Metric, ...] = ()
    total_count: int


class MetricsQueried(Request[MetricsListed], frozen=True, kw_only=True, tag="metrics.queried.v1"):
    """A page of the metrics, oldest first."""

    filter: MetricFilter
    offset: int
    limit: int


class MetricList(msgspec.Struct, frozen=True, kw_only=True):
    """length: number of its values, which are asked for apart. created_at: of the first."""

    id: int
    name: str
    length: int
    created_at: datetime
    execution_id: str
    pipeline_id: str
    deployment_id: str | None = None


class MetricListsListed(Message, frozen=True, kw_only=True, tag="metric-lists.listed.v1"):
    """total_count: of all pages, as of the moment of this one."""

    lists: tuple[MetricList, ...] = ()
    total_count: int


class MetricListsQueried(
    Request[MetricListsListed], frozen=True, kw_only=True, tag="metric-lists.queried.v1"
):
    """A page of the lists, oldest first."""

    filter: MetricFilter
    offset: int
    limit: int


class MetricPart(msgspec.Struct, frozen=True):
    """The `count` values of a list from number `first` on, counted from 0."""

    list_id: int
    first: int
    count: int


class MetricValuesListed(Message, frozen=True, kw_only=True, tag="metric-values.listed.v1"):
    """For each part its values, in order; fewer where the list was deleted meanwhile."""

    values: tuple[tuple[float, ...], ...] = ()


class MetricValuesQueried(
    Request[MetricValuesListed], frozen=True, kw_only=True, tag="metric-values.queried.v1"
):
    """Parts of lists; the asker keeps their sum so small that the answer is a message."""

    parts: tuple[MetricPart, ...]


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """How busy a machine was.

    cpu, ram, disk: percent of all there is. network_in, network_out: bytes per second. cpu and
    network are of the time since the sample before.
    """

    at: datetime
    cpu: float
    ram: float
    disk: float
    network_in: float
    network_out: float


class WorkerSampled(Message, frozen=True, kw_only=True, tag="worker.sampled.v1"):
    """worker: name of an executor. host: name of its machine. total_ram, total_disk: bytes.

    isolation: of user code, from 0 (none) to 3. missing: layers of it that this host does not
    have, each with the reason as text. slots: executions that it runs at once. pythons: versions
    of Python that it can build environments for.
    """

    worker: str
    host: str
    sample: Sample
    total_ram: int
    total_disk: int
    isolation: int = 0
    missing: tuple[str, ...] = ()
    slots: int = 0
    pythons: tuple[str, ...] = ()


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """What an executor has said of itself last, in the terms of WorkerSampled; seen_at: then."""

    worker: str
    host: str
    isolation: int
    missing: tuple[str, ...]
    slots: int
    pythons: tuple[str, ...]
    seen_at: datetime
    total_ram: int
    total_disk: int


class WorkersListed(Message, frozen=True, kw_only=True, tag="workers.listed.v1"):
    workers: tuple[Worker, ...] = ()


class WorkersQueried(Request[WorkersListed], frozen=True, kw_only=True, tag="workers.queried.v1"):
    """The executors that have said something at `since` or later, by their names."""

    since: datetime


class WorkerSeries(msgspec.Struct, frozen=True, kw_only=True):
    """The samples of one worker, in order."""

    worker: str
    samples: tuple[Sample, ...]


class SamplesListed(Message, frozen=True, kw_only=True, tag="samples.listed.v1"):
    """total_ram, total_disk: bytes of the machines that the samples are of, each counted once."""

    series: tuple[WorkerSeries, ...] = ()
    total_ram: int = 0
    total_disk: int = 0


class SamplesQueried(Request[SamplesListed], frozen=True, kw_only=True, tag="samples.queried.v1"):
    """The samples between two moments, both inclusive.

    limit: at most so many of each worker, spread evenly over those that it has.
    """

    since: datetime
    until: datetime
    limit: int
