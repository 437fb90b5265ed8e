"""What the HTTP API shows of metrics."""

import msgspec

from pumphouse.gateway.answers import Moment


class MetricHead(msgspec.Struct, frozen=True, kw_only=True):
    """What metrics of both kinds have; names are null where what they named is gone."""

    name: str
    created_at: Moment
    execution_id: str
    deployment_name: str | None
    pipeline_name: str | None


class ShownMetric(MetricHead, frozen=True, kw_only=True):
    """A number that an execution has recorded."""

    value: float


class ShownMetricList(MetricHead, frozen=True, kw_only=True):
    """A list of numbers that an execution has recorded."""

    values: list[float]


class ListedMetrics(msgspec.Struct, frozen=True):
    """A page. total_count: of all pages."""

    metrics: list[ShownMetric]
    total_count: int


class MetricLists(msgspec.Struct, frozen=True):
    """A page. total_count: of the lists of all pages."""

    total_count: int
    metrics: list[ShownMetricList]
