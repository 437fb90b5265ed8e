"""Numbers that executions record."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID

from pumphouse.bus import RequestHandlers
from pumphouse.contracts.metrics import (
    MetricExtended,
    MetricListsListed,
    MetricListsQueried,
    MetricRecorded,
    MetricsListed,
    MetricsQueried,
    MetricStored,
    MetricValuesListed,
    MetricValuesQueried,
)
from pumphouse.errors import NotFound
from pumphouse.registry.domain import Stage, is_young, parsed_ids
from pumphouse.registry.handlers.records import APPEARS_WITHIN_S
from pumphouse.registry.queries import Executions, Metrics
from pumphouse.registry.waiting import StageWatch


class MetricHandlers:
    def __init__(self, metrics: Metrics, executions: Executions, watch: StageWatch) -> None:
        self._metrics = metrics
        self._executions = executions
        self._watch = watch

    @property
    def requests(self) -> RequestHandlers:
        return {
            MetricRecorded: self._record,
            MetricExtended: self._extend,
            MetricsQueried: self._list,
            MetricListsQueried: self._list_lists,
            MetricValuesQueried: self._values,
        }

    async def _record(self, request: MetricRecorded) -> MetricStored:
        return await self._stored(
            request, lambda owner: self._metrics.record(owner, request.name, request.value)
        )

    async def _extend(self, request: MetricExtended) -> MetricStored:
        return await self._stored(
            request, lambda owner: self._metrics.extend(owner, request.name, request.values)
        )

    async def _stored(
        self,
        request: MetricRecorded | MetricExtended,
        store: Callable[[UUID], Awaitable[bool]],
    ) -> MetricStored:
        """Store for an execution; one accepted just now is waited for. Raises NotFound."""
        for owner in parsed_ids([request.execution_id]):
            if await store(owner) or (await self._appears(owner) and await store(owner)):
                return MetricStored(execution_id=request.execution_id, name=request.name)
        raise NotFound(f"There is no execution {request.execution_id!r}.")

    async def _appears(self, identifier: UUID) -> bool:
        """Whether an execution without a record may have one now."""
        is_expected = is_young(identifier, datetime.now(UTC))
        if not is_expected or await self._executions.is_deleted(identifier):
            return False
        await self._watch.until({identifier: Stage.KNOWN}, APPEARS_WITHIN_S)
        return True

    async def _list(self, request: MetricsQueried) -> MetricsListed:
        return await self._metrics.page(request.filter, request.offset, request.limit)

    async def _list_lists(self, request: MetricListsQueried) -> MetricListsListed:
        return await self._metrics.page_of_lists(request.filter, request.offset, request.limit)

    async def _values(self, request: MetricValuesQueried) -> MetricValuesListed:
        return MetricValuesListed(values=tuple(await self._metrics.values(request.parts)))
