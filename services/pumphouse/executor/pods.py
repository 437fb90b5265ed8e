"""The pods of all low latency deployments, and the queues that their plans come from."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from pumphouse.bus import Bus, Envelope, Handler, Subscription
from pumphouse.bus.topology import pod_partition, pod_queue
from pumphouse.catalog import Catalog
from pumphouse.contracts.catalog import CatalogChange, Deployment
from pumphouse.contracts.message import Message
from pumphouse.contracts.pods import PodRequested
from pumphouse.contracts.vocabulary import Mode
from pumphouse.errors import Unavailable
from pumphouse.executor.faults import PlatformFault
from pumphouse.executor.replicas import Replicas

log = logging.getLogger(__name__)

_REST_S = 1.0


def at_once_of(deployment: Deployment | None) -> int | None:
    """How many executions each of its pods runs side by side; None where they come one by one."""
    if deployment is None or not deployment.enable_parallel_executions:
        return None
    return deployment.max_parallel_executions_per_pod


def replicas_of(deployment: Deployment | None) -> int:
    """How many pods the executor that holds the deployment's queue runs."""
    return 1 if deployment is None else deployment.replicas


class Pods:
    """Follows the catalog: consumes the queue of each low latency deployment that there is."""

    def __init__(
        self, bus: Bus, catalog: Catalog, make: Callable[[str, Deployment | None], Replicas]
    ) -> None:
        """make: new pods, for an id and the deployment that has it, if that is still there."""
        self._bus = bus
        self._catalog = catalog
        self._make = make
        self._replicas: dict[str, Replicas] = {}
        self._handlers: dict[type[Message], Handler] = {PodRequested: self.requested}
        self._subscriptions: dict[str, Subscription] = {}
        self._enabled: dict[str, bool] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._chores: set[asyncio.Task[None]] = set()
        self._farewells: set[asyncio.Task[None]] = set()
        self._is_closing = False

    def of(self, deployment_id: str) -> Replicas:
        """The pods of a deployment, whether their processes are up or not."""
        if (found := self._replicas.get(deployment_id)) is None:
            deployment = self._catalog.deployments.get(deployment_id)
            found = self._replicas[deployment_id] = self._make(deployment_id, deployment)
            found.is_wanted = deployment is not None and deployment.is_enabled
        return found

    async def requested(self, wish: PodRequested, _: Envelope) -> None:
        """Have the pods of an enabled deployment up; asked twice, report them twice."""
        await self._catalog.at_least(wish.catalog_revision)
        deployment = self._catalog.deployments.get(wish.deployment_id)
        if deployment is None or not deployment.is_enabled:
            return
        if (pipeline := self._catalog.pipelines.get(deployment.pipeline_id)) is None:
            return
        try:
            await self.of(deployment.id).ready(pipeline.code)
        except PlatformFault as fault:
            fault.report(log)

    def follow(self, handlers: Mapping[type[Message], Handler]) -> None:
        """Consume plans with `handlers`, of the deployments there are and those to come."""
        self._handlers |= handlers
        self._catalog.listen(self._changed)
        for deployment in self._catalog.deployments.values():
            self._changed(CatalogChange(revision=self._catalog.revision, deployment=deployment))

    async def close(self) -> None:
        """Let go of the queues, and end the pods when their runs have ended."""
        self._is_closing = True
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, *self._farewells, return_exceptions=True)
        known = {*self._enabled, *self._replicas}
        await asyncio.gather(*(self._leave(deployment_id) for deployment_id in known))

    def _changed(self, change: CatalogChange) -> None:
        gone = change.deleted_deployment_id
        if gone is not None and self._enabled.pop(gone, None) is not None:
            self._begin(gone, self._leave(gone), self._farewells)
        deployment = change.deployment
        if deployment is None or deployment.mode is not Mode.LOW_LATENCY:
            return
        if self._enabled.get(deployment.id) is not deployment.is_enabled:
            self._enabled[deployment.id] = deployment.is_enabled
            turned = self._enable if deployment.is_enabled else self._disable
            self._begin(deployment.id, turned(deployment.id), self._chores)

    def _begin(
        self,
        deployment_id: str,
        chore: Coroutine[Any, Any, None],
        among: set[asyncio.Task[None]],
    ) -> None:
        if self._is_closing:
            chore.close()
            return
        task = asyncio.create_task(self._in_turn(deployment_id, chore))
        among.add(task)
        task.add_done_callback(among.discard)

    async def _in_turn(self, deployment_id: str, chore: Coroutine[Any, Any, None]) -> None:
        async with self._turns.setdefault(deployment_id, asyncio.Lock()):
            await chore

    async def _enable(self, deployment_id: str) -> None:
        await self._consume(deployment_id)
        wish = PodRequested(deployment_id=deployment_id, catalog_revision=self._catalog.revision)
        while True:
            try:
                await self._bus.publish(wish, partition=pod_partition(deployment_id))
            except Unavailable:
                await asyncio.sleep(_REST_S)
            else:
                return

    async def _disable(self, deployment_id: str) -> None:
        await self._consume(deployment_id)
        if (replicas := self._replicas.get(deployment_id)) is not None:
            await replicas.stop()

    async def _leave(self, deployment_id: str) -> None:
        if (subscription := self._subscriptions.pop(deployment_id, None)) is not None:
            await subscription.cancel()
        if (replicas := self._replicas.pop(deployment_id, None)) is not None:
            await replicas.stop()

    async def _consume(self, deployment_id: str) -> None:
        deployment = self._catalog.deployments.get(deployment_id)
        queue = pod_queue(deployment_id, (at_once_of(deployment) or 1) * replicas_of(deployment))
        while deployment_id not in self._subscriptions:
            try:
                self._subscriptions[deployment_id] = await self._bus.consume(queue, self._handlers)
            except Unavailable:
                await asyncio.sleep(_REST_S)
