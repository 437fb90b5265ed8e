"""The copy itself: look-ups by id and by name, and the revision that they reflect."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

from pumphouse.contracts.catalog import (
    CatalogChange,
    CatalogListed,
    Deployment,
    Pipeline,
    Variable,
)
from pumphouse.errors import NotFound, Unavailable


class Source(Protocol):
    """Where a catalog gets what it lacks: the registry, over the bus."""

    async def changes_after(self, revision: int) -> CatalogListed: ...


class Catalog:
    """Definitions as of `revision`. Changes are applied in order and only once."""

    def __init__(self, source: Source) -> None:
        self.revision = 0
        self.pipelines: dict[str, Pipeline] = {}
        self.deployments: dict[str, Deployment] = {}
        self.variables: dict[str, Variable] = {}
        self._source = source
        self._pipeline_ids: dict[str, str] = {}
        self._deployment_ids: dict[str, str] = {}
        self._endpoint_ids: dict[str, str] = {}
        self._changed = asyncio.Condition()
        self._fetch_under_way: asyncio.Task[None] | None = None
        self._next_fetch: asyncio.Task[None] | None = None
        self._listeners: list[Callable[[CatalogChange], None]] = []

    # -- looking up

    def pipeline(self, name: str) -> Pipeline:
        """The pipeline of that name. Raises NotFound."""
        if (identifier := self._pipeline_ids.get(name)) is None:
            raise NotFound(f"There is no pipeline named {name!r}.")
        return self.pipelines[identifier]

    def deployment(self, name: str) -> Deployment:
        """The deployment of that name. Raises NotFound."""
        if (identifier := self._deployment_ids.get(name)) is None:
            raise NotFound(f"There is no deployment named {name!r}.")
        return self.deployments[identifier]

    def endpoint(self, path: str) -> Deployment:
        """The endpoint deployment served at that path. Raises NotFound."""
        if (identifier := self._endpoint_ids.get(path)) is None:
            raise NotFound(f"There is no endpoint at {path!r}.")
        return self.deployments[identifier]

    def deployments_of(self, pipeline_id: str) -> list[Deployment]:
        return [d for d in self.deployments.values() if d.pipeline_id == pipeline_id]

    # -- keeping up

    async def at_least(self, revision: int) -> None:
        """Return once the copy reflects `revision`. Raises Unavailable without the registry."""
        if self.revision < revision:
            await self.refresh()
        if self.revision < revision:
            raise Unavailable(f"The registry does not know revision {revision} of the catalog yet.")

    async def refresh(self) -> None:
        """Reflect all that the registry had stored when this was called.

        Callers that meet share a fetch, but never one that had begun before they called.
        """
        if self._next_fetch is None:
            self._next_fetch = asyncio.create_task(self._fetch_after(self._fetch_under_way))
        await asyncio.shield(self._next_fetch)

    async def _fetch_after(self, earlier: asyncio.Task[None] | None) -> None:
        if earlier is not None:
            await asyncio.wait([earlier])
        self._fetch_under_way, self._next_fetch = self._next_fetch, None
        await self.apply(await self._source.changes_after(self.revision))

    async def apply(self, listed: CatalogListed) -> None:
        """Take in what the registry listed; a list older than the copy changes nothing."""
        if listed.revision < self.revision:
            return
        if listed.is_whole:
            self._forget_all_but(listed.changes)
        for change in listed.changes:
            if change.revision > self.revision or listed.is_whole:
                self._take(change)
        await self._advance(listed.revision)

    async def follow(self, changes: tuple[CatalogChange, ...]) -> None:
        """Take in an announcement; a gap before it is filled from the source first."""
        if changes and changes[0].revision > self.revision + 1:
            await self.refresh()
        for change in changes:
            if change.revision == self.revision + 1:
                self._take(change)
                await self._advance(change.revision)

    def listen(self, listener: Callable[[CatalogChange], None]) -> None:
        """Call `listener` with every change taken in from now on, in order."""
        self._listeners.append(listener)

    async def until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Wait until `condition` holds after some change; False when `timeout` seconds pass."""
        try:
            async with asyncio.timeout(timeout), self._changed:
                await self._changed.wait_for(condition)
        except TimeoutError:
            return False
        return True

    async def _advance(self, revision: int) -> None:
        self.revision = revision
        async with self._changed:
            self._changed.notify_all()

    def _take(self, change: CatalogChange) -> None:
        if change.pipeline is not None:
            self.pipelines[change.pipeline.id] = change.pipeline
            self._pipeline_ids[change.pipeline.name] = change.pipeline.id
        if change.deployment is not None:
            self._keep_deployment(change.deployment)
        if change.variable is not None:
            self.variables[change.variable.name] = change.variable
        if change.deleted_pipeline_id is not None:
            self._drop_pipeline(change.deleted_pipeline_id)
        if change.deleted_deployment_id is not None:
            self._drop_deployment(change.deleted_deployment_id)
        if change.deleted_variable is not None:
            self.variables.pop(change.deleted_variable, None)
        for listener in self._listeners:
            listener(change)

    def _keep_deployment(self, deployment: Deployment) -> None:
        self._release_names(self.deployments.get(deployment.id))
        self.deployments[deployment.id] = deployment
        self._deployment_ids[deployment.name] = deployment.id
        if deployment.endpoint_url_path is not None:
            self._endpoint_ids[deployment.endpoint_url_path] = deployment.id

    def _drop_pipeline(self, identifier: str) -> None:
        if (gone := self.pipelines.pop(identifier, None)) is None:
            return
        if self._pipeline_ids.get(gone.name) == identifier:
            del self._pipeline_ids[gone.name]

    def _drop_deployment(self, identifier: str) -> None:
        self._release_names(self.deployments.pop(identifier, None))

    def _release_names(self, deployment: Deployment | None) -> None:
        if deployment is None:
            return
        if self._deployment_ids.get(deployment.name) == deployment.id:
            del self._deployment_ids[deployment.name]
        path = deployment.endpoint_url_path
        if path is not None and self._endpoint_ids.get(path) == deployment.id:
            del self._endpoint_ids[path]

    def _forget_all_but(self, changes: Iterable[CatalogChange]) -> None:
        kept = list(changes)
        pipelines = {c.pipeline.id for c in kept if c.pipeline is not None}
        deployments = {c.deployment.id for c in kept if c.deployment is not None}
        variables = {c.variable.name for c in kept if c.variable is not None}
        gone = [
            *(
                CatalogChange(revision=0, deleted_deployment_id=i)
                for i in self.deployments.keys() - deployments
            ),
            *(
                CatalogChange(revision=0, deleted_pipeline_id=i)
                for i in self.pipelines.keys() - pipelines
            ),
            *(
                CatalogChange(revision=0, deleted_variable=n)
                for n in self.variables.keys() - variables
            ),
        ]
        for change in gone:
            self._take(change)
