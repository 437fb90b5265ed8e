"""Numbers that executions record, and how busy the platform is."""

import warnings
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal, cast, overload

from pumphouse.sdk.aio.transport import Connected
from pumphouse.sdk.encoding import given, milliseconds, to_json
from pumphouse.sdk.execution_context import current_execution_id
from pumphouse.sdk.results import ListMetric, Metric, ResourceMetrics, WorkerSummary

_VALUES_AT_ONCE = 10_000
_ITEMS_OF_A_PAGE = 5_000


class Metrics(Connected):
    warn_on_metric_outside_of_pipeline = True
    """Whether a metric that is recorded outside of executions, and so not sent, gives a warning."""

    async def record_metric_value(
        self, name: str, value: float, *, execution_id: str | None = None
    ) -> bool:
        """Store a number of an execution; a later one of the same name replaces it.

        execution_id: by default the execution that this code runs in.
        Outside of executions nothing is sent: it warns and returns False, else True.
        Raises InvalidParameters for NaN and infinity, and NotFound.
        """
        owner = execution_id or current_execution_id()
        if owner is None:
            return self._outside(name)
        body = to_json({"value": value, "execution_id": owner}, f"Metric {name!r}")
        await self._transport.call("PUT", "metrics", "single-value", name, body=body)
        return True

    async def record_list_metric_values(
        self, name: str, values: Iterable[float] | float, *, execution_id: str | None = None
    ) -> bool:
        """Append one number or several to a list of an execution, in their order.

        execution_id: by default the execution that this code runs in.
        Outside of executions nothing is sent: it warns and returns False, else True.
        Raises InvalidParameters for NaN and infinity, and NotFound. After Unreachable the values
        may have been appended: sending them again may append them twice.
        """
        owner = execution_id or current_execution_id()
        if owner is None:
            return self._outside(name)
        numbers = list(values) if isinstance(values, Iterable) else [values]
        batches = [
            to_json(
                {"values": numbers[at : at + _VALUES_AT_ONCE], "execution_id": owner},
                f"Metric {name!r}",
            )
            for at in range(0, len(numbers), _VALUES_AT_ONCE)
        ]
        for body in batches:
            await self._transport.call("POST", "metrics", "list-values", name, body=body)
        return True

    async def get_metrics(
        self,
        name: str | None = None,
        pipeline_name: str | None = None,
        deployment_name: str | None = None,
        execution_id: str | None = None,
    ) -> list[Metric]:
        """The recorded numbers, oldest first.

        Give at most one of pipeline, deployment and execution; one that does not exist has none.
        Raises InvalidParameters.
        """
        found = await self._pages(
            "single-value", name, pipeline_name, deployment_name, execution_id
        )
        return cast(list[Metric], found)

    async def get_list_metrics(
        self,
        name: str | None = None,
        pipeline_name: str | None = None,
        deployment_name: str | None = None,
        execution_id: str | None = None,
    ) -> list[ListMetric]:
        """The recorded lists with all their values, oldest first; parameters as in get_metrics."""
        found = await self._pages("list-values", name, pipeline_name, deployment_name, execution_id)
        return cast(list[ListMetric], found)

    @overload
    async def get_resource_metrics(
        self, start_date: datetime, end_date: datetime, csv: Literal[False] = False
    ) -> ResourceMetrics: ...

    @overload
    async def get_resource_metrics(
        self, start_date: datetime, end_date: datetime, csv: Literal[True]
    ) -> bytes: ...

    async def get_resource_metrics(
        self, start_date: datetime, end_date: datetime, csv: bool = False
    ) -> ResourceMetrics | bytes:
        """How busy the machines of the platform were, by worker; csv: as the bytes of a file.

        A datetime without a zone is local time. Raises InvalidParameters.
        """
        query = {
            "start": str(milliseconds(start_date, "start_date")),
            "end": str(milliseconds(end_date, "end_date")),
            "download": str(csv),
        }
        found = await self._transport.call("GET", "resource-metrics", query=query)
        return cast("ResourceMetrics | bytes", found)

    async def list_workers(self) -> list[WorkerSummary]:
        """The executors that the platform has heard of within the last minute, by their names."""
        return cast("list[WorkerSummary]", await self._transport.call("GET", "workers"))

    async def _pages(
        self,
        kind: str,
        name: str | None,
        pipeline_name: str | None,
        deployment_name: str | None,
        execution_id: str | None,
    ) -> list[Any]:
        filters = {
            "filters[name]": name,
            "filters[pipeline_name]": pipeline_name,
            "filters[deployment_name]": deployment_name,
            "filters[execution_id]": execution_id,
        }
        query = {**given(filters), "items_per_page": str(_ITEMS_OF_A_PAGE)}
        found: list[Any] = []
        page = 1
        while True:
            answer = await self._transport.call(
                "GET", "metrics", kind, query={**query, "page": str(page)}
            )
            found += answer["metrics"]
            is_last = len(answer["metrics"]) < _ITEMS_OF_A_PAGE
            if is_last or len(found) >= answer["total_count"]:
                return found
            page += 1

    def _outside(self, name: str) -> bool:
        if self.warn_on_metric_outside_of_pipeline:
            warnings.warn(
                f"The metric {name!r} is not sent: this code does not run in an execution."
                " Give 'execution_id' to record it for one.",
                stacklevel=3,
            )
        return False
