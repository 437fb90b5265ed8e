"""Reading and changing what is defined on the platform."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from pumphouse.bus import Bus
from pumphouse.catalog import Catalog
from pumphouse.contracts.catalog import Deployment, Pipeline
from pumphouse.contracts.definitions import Definition
from pumphouse.errors import NotFound
from pumphouse.gateway.holds import Holds


@dataclass(frozen=True)
class Definitions:
    """The catalog, kept current with every read and change that goes through here.

    hold_s: longest wait for a change that a request asks for.
    """

    catalog: Catalog
    bus: Bus
    holds: Holds
    hold_s: float

    async def change(self, request: Definition) -> None:
        """Have the registry make a change and take it in. Raises what the registry answers."""
        request = msgspec.structs.replace(request, after=self.catalog.revision)
        await self.catalog.apply(await self.bus.request(request))

    async def pipeline(self, name: str) -> Pipeline:
        """The pipeline of that name as of now. Raises NotFound."""
        await self.catalog.refresh()
        return self.catalog.pipeline(name)

    async def deployment(self, name: str) -> tuple[Deployment, Pipeline]:
        """The deployment of that name as of now, and its pipeline. Raises NotFound."""
        await self.catalog.refresh()
        deployment = self.catalog.deployment(name)
        return deployment, self.pipeline_of(deployment)

    async def hold_until(self, condition: Callable[[], bool]) -> None:
        """Return once `condition` holds of the catalog, or when the hold is over."""
        if not condition():
            waiting = self.catalog.until(condition, self.hold_s)
            await self.holds.hold_for(waiting, timeout=self.hold_s)

    def pipeline_of(self, deployment: Deployment) -> Pipeline:
        """The pipeline that a deployment stands on. Raises NotFound when it is being deleted."""
        pipeline = self.catalog.pipelines.get(deployment.pipeline_id)
        if pipeline is None:
            raise NotFound(f"The pipeline of deployment {deployment.name!r} is gone.")
        return pipeline

    def deployment_name(self, deployment_id: str | None) -> str | None:
        """The name for an id that may be unknown or absent."""
        deployment = self.catalog.deployments.get(deployment_id or "")
        return None if deployment is None else deployment.name
