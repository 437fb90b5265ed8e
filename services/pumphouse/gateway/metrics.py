"""Routes of the numbers that executions record."""

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import unquote_to_bytes

import msgspec
from litestar import Response, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream

from pumphouse.bus import Bus
from pumphouse.contracts.metrics import (
    Metric,
    MetricExtended,
    MetricFilter,
    MetricList,
    MetricListsListed,
    MetricListsQueried,
    MetricRecorded,
    MetricsListed,
    MetricsQueried,
)
from pumphouse.errors import Invalid, NotFound, TooLarge
from pumphouse.gateway.answers import json_answer, no_content
from pumphouse.gateway.asking import WholeNumber
from pumphouse.gateway.bodies import ApiRequest, read_body_as
from pumphouse.gateway.definitions import Definitions
from pumphouse.gateway.described import Parameter, described
from pumphouse.gateway.inside import FOR_EXECUTIONS, Inside
from pumphouse.gateway.metric_values import written
from pumphouse.gateway.metric_views import ListedMetrics, MetricHead, MetricLists, ShownMetric
from pumphouse.gateway.names import Identifier, MetricName, check_metric_name, known_id
from pumphouse.gateway.sharing import Shared

MAX_VALUES = 10_000
"""Of one request that appends."""

MAX_ITEMS = 5_000
"""Of one page."""

OWNERS = ("pipeline_name", "deployment_name", "execution_id")

PAGE = WholeNumber("page", "Number of the page.", least=1, most=10**9, otherwise=1)
ITEMS = WholeNumber(
    "items_per_page", "Most items of a page.", least=1, most=MAX_ITEMS, otherwise=MAX_ITEMS
)

_TAG = "Metrics"
_NAME = (Parameter("name", "Name of the metric.", MetricName),)
_FILTERS = (
    Parameter("filters[name]", "Those of this name alone.", MetricName),
    *(Parameter(f"filters[{owner}]", "Those of this one alone; of one kind.") for owner in OWNERS),
    PAGE.parameter,
    ITEMS.parameter,
)


class MetricValue(msgspec.Struct, frozen=True):
    """A number, and the execution that has it."""

    value: float
    execution_id: Identifier


class MetricValues(msgspec.Struct, frozen=True):
    """Numbers to append, and the execution that has them."""

    values: Annotated[list[float], msgspec.Meta(extra_json_schema={"maxItems": MAX_VALUES})]
    execution_id: Identifier


@dataclass(frozen=True)
class _Page:
    """number: from 1 on. items: of each page."""

    number: int
    items: int

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.items

    def check(self, total: int) -> None:
        """Raise NotFound for a page after the last.

        Clients ask until they have as many items as the first page has counted: where some were
        deleted since, empty pages would let them ask for ever.
        """
        if self.number > 1 and self.offset >= total:
            raise NotFound(f"There is no page {self.number}: {total} items are all there are.")


@dataclass(frozen=True)
class MetricRoutes(Shared):
    definitions: Definitions
    bus: Bus
    inside: Inside

    def routes(self) -> list[HTTPRouteHandler]:
        return [
            put("/metrics/single-value/{name:path}", opt=FOR_EXECUTIONS)(self.record),
            get("/metrics/single-value", opt=FOR_EXECUTIONS)(self.show),
            post("/metrics/list-values/{name:path}", opt=FOR_EXECUTIONS)(self.extend),
            get("/metrics/list-values", opt=FOR_EXECUTIONS)(self.show_lists),
        ]

    @described(
        "record_metric_value",
        "Record a number of an execution",
        tag=_TAG,
        path=_NAME,
        body=MetricValue,
        answers={HTTPStatus.NO_CONTENT: None},
    )
    async def record(self, request: ApiRequest) -> Response[bytes]:
        name = _name(request, "single-value")
        given = await read_body_as(MetricValue, request)
        execution_id = known_id(given.execution_id, "execution")
        await self.inside.check_may_record(request, execution_id)
        await self.bus.request(
            MetricRecorded(execution_id=execution_id, name=name, value=given.value)
        )
        return no_content()

    @described(
        "record_list_metric_values",
        "Append to a list of an execution",
        tag=_TAG,
        path=_NAME,
        body=MetricValues,
        answers={HTTPStatus.NO_CONTENT: None},
    )
    async def extend(self, request: ApiRequest) -> Response[bytes]:
        name = _name(request, "list-values")
        given = await read_body_as(MetricValues, request)
        if len(given.values) > MAX_VALUES:
            raise TooLarge(
                f"values has {len(given.values):,} numbers: send {MAX_VALUES:,} at a time."
            )
        execution_id = known_id(given.execution_id, "execution")
        await self.inside.check_may_record(request, execution_id)
        await self.bus.request(
            MetricExtended(execution_id=execution_id, name=name, values=tuple(given.values))
        )
        return no_content()

    @described(
        "get_metrics",
        "List the numbers of executions",
        tag=_TAG,
        query=_FILTERS,
        answers=ListedMetrics,
        refusals=(NotFound,),
    )
    async def show(self, request: ApiRequest) -> Response[bytes]:
        wanted, page = await self._wanted(request), _page(request)
        found = MetricsListed(total_count=0)
        if wanted is not None:
            found = await self.bus.request(
                MetricsQueried(filter=wanted, offset=page.offset, limit=page.items)
            )
        page.check(found.total_count)
        shown = [ShownMetric(**self._head(item), value=item.value) for item in found.metrics]
        return json_answer(ListedMetrics(shown, found.total_count))

    @described(
        "get_list_metrics",
        "List the lists of executions",
        tag=_TAG,
        query=_FILTERS,
        answers=MetricLists,
        refusals=(NotFound,),
    )
    async def show_lists(self, request: ApiRequest) -> Stream:
        wanted, page = await self._wanted(request), _page(request)
        found = MetricListsListed(total_count=0)
        if wanted is not None:
            found = await self.bus.request(
                MetricListsQueried(filter=wanted, offset=page.offset, limit=page.items)
            )
        page.check(found.total_count)
        heads = [MetricHead(**self._head(item)) for item in found.lists]
        lists = zip(heads, found.lists, strict=True)
        return Stream(
            written(self.bus, found.total_count, list(lists)), media_type="application/json"
        )

    async def _wanted(self, request: ApiRequest) -> MetricFilter | None:
        """What the query asks for; None when that cannot exist. Raises Invalid."""
        query = request.query_params
        name = query.get("filters[name]")
        if name is not None:
            check_metric_name(name)
        given = {key: query[f"filters[{key}]"] for key in OWNERS if f"filters[{key}]" in query}
        if len(given) > 1:
            raise Invalid(f"Filter by one of {_listed(given)}, not by all of them.")
        catalog = self.definitions.catalog
        await catalog.refresh()
        try:
            match given:
                case {"pipeline_name": pipeline}:
                    return MetricFilter(name=name, pipeline_id=catalog.pipeline(pipeline).id)
                case {"deployment_name": deployment}:
                    return MetricFilter(name=name, deployment_id=catalog.deployment(deployment).id)
                case {"execution_id": execution}:
                    return MetricFilter(name=name, execution_id=known_id(execution, "execution"))
        except NotFound:
            return None
        return MetricFilter(name=name)

    def _head(self, metric: Metric | MetricList) -> dict[str, Any]:
        pipeline = self.definitions.catalog.pipelines.get(metric.pipeline_id)
        return {
            "name": metric.name,
            "created_at": metric.created_at,
            "execution_id": metric.execution_id,
            "deployment_name": self.definitions.deployment_name(metric.deployment_id),
            "pipeline_name": None if pipeline is None else pipeline.name,
        }


def _name(request: ApiRequest, kind: str) -> str:
    """The rest of the path as it was sent: Litestar takes slashes out of what it hands over.

    Raises Invalid.
    """
    quoted = bytes(request.scope["raw_path"]).partition(f"/{kind}/".encode())[2]
    try:
        name = unquote_to_bytes(quoted).decode()
    except UnicodeDecodeError as error:
        raise Invalid("The metric name in the address is not UTF-8.") from error
    check_metric_name(name)
    return name


def _page(request: ApiRequest) -> _Page:
    return _Page(
        PAGE.of(request),
        ITEMS.of(request),
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"filters[{name}]" for name in names)
