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
from pumphouse.executor.pod import Pod

log = logging.getLogger(__name__)

_REST_S = 1.0


def at_once_of(deployment: Deployment | None) -> int | None:
    """How many executions its pod runs side by side; None where they come one by one."""
    if deployment is None or not deployment.enable_parallel_executions:
        return None
    return deployment.max_parallel_executions_per_pod


class Pods:
    """Follows the catalog: consumes the queue of each low latency deployment that there is."""

    def __init__(
        self, bus: Bus, catalog: Catalog, make: Callable[[str, Deployment | None], Pod]
    ) -> None:
        """make: a new pod, for an id and the deployment that has it, if that is still there."""
        self._bus = bus
        self._catalog = catalog
        self._make = make
        self._pods: dict[str, Pod] = {}
        self._handlers: dict[type[Message], Handler] = {PodRequested: self.requested}
        self._subscriptions: dict[str, Subscription] = {}
        self._enabled: dict[str, bool] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._chores: set[asyncio.Task[None]] = set()
        self._farewells: set[asyncio.Task[None]] = set()
        self._is_closing = False

    def pod(self, deployment_id: str) -> Pod:
        """The pod of a deployment, whether its process is up or not."""
        if (pod := self._pods.get(deployment_id)) is None:
            deployment = self._catalog.deployments.get(deployment_id)
            pod = self._pods[deployment_id] = self._make(deployment_id, deployment)
            pod.is_wanted = deployment is not None and deployment.is_enabled
        return pod

    async def requested(self, wish: PodRequested, _: Envelope) -> None:
        """Have a pod up for an enabled deployment; asked twice, report it twice."""
        await self._catalog.at_least(wish.catalog_revision)
        deployment = self._catalog.deployments.get(wish.deployment_id)
        if deployment is None or not deployment.is_enabled:
            return
        if (pipeline := self._catalog.pipelines.get(deployment.pipeline_id)) is None:
            return
        try:
            await self.pod(deployment.id).ready(pipeline.code)
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
        known = {*self._enabled, *self._pods}
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
        if (pod := self._pods.get(deployment_id)) is not None:
            await pod.stop()

    async def _leave(self, deployment_id: str) -> None:
        if (subscription := self._subscriptions.pop(deployment_id, None)) is not None:
            await subscription.cancel()
        if (pod := self._pods.pop(deployment_id, None)) is not None:
            await pod.stop()

    async def _consume(self, deployment_id: str) -> None:
        at_once = at_once_of(self._catalog.deployments.get(deployment_id))
        queue = pod_queue(deployment_id, at_once or 1)
        while deployment_id not in self._subscriptions:
            try:
                self._subscriptions[deployment_id] = await self._bus.consume(queue, self._handlers)
            except Unavailable:
                await asyncio.sleep(_REST_S)
