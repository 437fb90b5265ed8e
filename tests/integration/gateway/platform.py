"""The rest of the platform, as small as the gateway's tests can bear."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from pumphouse.bus import Bus, Envelope
from pumphouse.bus.topology import REGISTRY_EVENTS, REGISTRY_REQUESTS
from pumphouse.contracts.catalog import CatalogChange, CatalogListed, CatalogRequested
from pumphouse.contracts.definitions import (
    DeploymentDiscarded,
    DeploymentRevised,
    DeploymentSubmitted,
    PipelineDiscarded,
    PipelineSubmitted,
    VariableDiscarded,
    VariablesRevised,
)
from pumphouse.contracts.executions import ExecutionFinished, TriggerAccepted
from pumphouse.contracts.records import (
    ExecutionDeleted,
    ExecutionDescribed,
    ExecutionDiscarded,
    ExecutionQueried,
    ExecutionsListed,
    ExecutionsQueried,
    ExecutionSummary,
    LogsListed,
    LogsQueried,
    TokenPresented,
    TokenReplaced,
    UserDescribed,
    UserQueried,
)
from pumphouse.contracts.vocabulary import Status
from pumphouse.errors import Conflict, NotFound, Unauthorized
from pumphouse.sealing import digest
from tests.integration.gateway.executing import FakeExecutor

SDK_TOKEN = "the-sdk-token-of-the-tests"
USER = UserDescribed(id="6f8f7a04-2b1e-4d5c-9a0e-3f2b1c0d9e8f", name="Ada", email="ada@example.org")


@dataclass
class FakeRegistry:
    """Definitions and records in memory; every answer lists the whole catalog."""

    changes: list[CatalogChange] = field(default_factory=list)
    triggers: dict[str, TriggerAccepted] = field(default_factory=dict)
    ends: dict[str, ExecutionFinished] = field(default_factory=dict)
    ended: asyncio.Condition = field(default_factory=asyncio.Condition)
    accepted: asyncio.Event = field(default_factory=asyncio.Event)
    refuses: Exception | None = None
    user: UserDescribed = USER
    token_digest: str = digest(SDK_TOKEN)

    async def open(self, bus: Bus) -> None:
        await bus.serve(
            REGISTRY_REQUESTS,
            {
                CatalogRequested: self._list,
                PipelineSubmitted: self._submit_pipeline,
                PipelineDiscarded: self._discard_pipeline,
                DeploymentSubmitted: self._submit_deployment,
                DeploymentRevised: self._revise_deployment,
                DeploymentDiscarded: self._discard_deployment,
                VariablesRevised: self._revise_variables,
                VariableDiscarded: self._discard_variable,
                ExecutionQueried: self._describe,
                ExecutionsQueried: self._executions,
                ExecutionDiscarded: self._discard_execution,
                LogsQueried: self._logs,
                TokenPresented: self._user_of_token,
                TokenReplaced: self._replace_token,
                UserQueried: self._user,
            },
        )
        await bus.consume(
            REGISTRY_EVENTS, {TriggerAccepted: self._accepted, ExecutionFinished: self._finished}
        )

    def clear(self) -> None:
        """Delete what is defined, so that the gateway hears of it, and forget what has run."""
        for deployment in self.alive("deployment"):
            self.record(deleted_deployment_id=deployment.id)
        for pipeline in self.alive("pipeline"):
            self.record(deleted_pipeline_id=pipeline.id)
        for name in {change.variable.name for change in self.changes if change.variable}:
            self.record(deleted_variable=name)
        self.triggers.clear()
        self.ends.clear()
        self.refuses = None

    def record(self, **change: Any) -> None:
        self.changes.append(CatalogChange(revision=len(self.changes) + 1, **change))

    async def _list(self, request: Any) -> CatalogListed:
        if self.refuses is not None:
            raise self.refuses
        after = request.after
        return CatalogListed(revision=len(self.changes), changes=tuple(self.changes[after:]))

    async def _submit_pipeline(self, request: PipelineSubmitted) -> CatalogListed:
        if any(p.name == request.pipeline.name for p in self.alive("pipeline")):
            raise Conflict(f"There is a pipeline named {request.pipeline.name!r} already.")
        self.record(pipeline=request.pipeline)
        return await self._list(request)

    async def _discard_pipeline(self, request: PipelineDiscarded) -> CatalogListed:
        for deployment in self.alive("deployment"):
            if deployment.pipeline_id == request.pipeline_id:
                self.record(deleted_deployment_id=deployment.id)
        self.record(deleted_pipeline_id=request.pipeline_id)
        return await self._list(request)

    async def _submit_deployment(self, request: DeploymentSubmitted) -> CatalogListed:
        if any(d.name == request.deployment.name for d in self.alive("deployment")):
            raise Conflict(f"There is a deployment named {request.deployment.name!r} already.")
        self.record(deployment=request.deployment)
        return await self._list(request)

    async def _revise_deployment(self, request: DeploymentRevised) -> CatalogListed:
        self.record(deployment=request.deployment)
        return await self._list(request)

    async def _discard_deployment(self, request: DeploymentDiscarded) -> CatalogListed:
        self.record(deleted_deployment_id=request.deployment_id)
        return await self._list(request)

    async def _revise_variables(self, request: VariablesRevised) -> CatalogListed:
        for variable in request.variables:
            self.record(variable=variable)
        return await self._list(request)

    async def _discard_variable(self, request: VariableDiscarded) -> CatalogListed:
        self.record(deleted_variable=request.name)
        return await self._list(request)

    def alive(self, kind: str) -> list[Any]:
        """What is defined and not deleted: each `pipeline` or `deployment`."""
        gone = {getattr(change, f"deleted_{kind}_id") for change in self.changes}
        found = [getattr(change, kind) for change in self.changes]
        return [item for item in found if item is not None and item.id not in gone]

    async def _accepted(self, message: TriggerAccepted, _: Envelope) -> None:
        self.triggers[message.execution_id] = message
        self.accepted.set()

    async def _finished(self, message: ExecutionFinished, _: Envelope) -> None:
        self.ends[message.execution_id] = message
        async with self.ended:
            self.ended.notify_all()

    async def _describe(self, request: ExecutionQueried) -> ExecutionDescribed:
        identifier = request.execution_id
        if request.wait_s or request.ended:
            try:
                async with asyncio.timeout(request.wait_s or 8), self.ended:
                    await self.ended.wait_for(lambda: identifier in self.ends)
            except TimeoutError:
                pass
        summary = self._summary(identifier)
        end = self.ends.get(identifier)
        if end is None:
            return ExecutionDescribed(execution=summary)
        return ExecutionDescribed(
            execution=summary, inputs=end.inputs, outputs=end.outputs, error=end.error
        )

    async def _executions(self, request: ExecutionsQueried) -> ExecutionsListed:
        found = [
            self._summary(trigger.execution_id)
            for trigger in reversed(self.triggers.values())
            if request.pipeline_id in (None, trigger.pipeline_id)
            and request.deployment_id in (None, trigger.deployment_id)
        ]
        return ExecutionsListed(executions=tuple(found[: request.limit]))

    async def _discard_execution(self, request: ExecutionDiscarded) -> ExecutionDeleted:
        self._summary(request.execution_id)
        del self.triggers[request.execution_id]
        return ExecutionDeleted(execution_id=request.execution_id)

    async def _logs(self, request: LogsQueried) -> LogsListed:
        end = self.ends.get(request.execution_id)
        lines = () if end is None else end.lines
        return LogsListed(lines=lines[: request.limit])

    async def _user_of_token(self, request: TokenPresented) -> UserDescribed:
        if request.digest != self.token_digest:
            raise Unauthorized("The SDK token is wrong.")
        return self.user

    async def _replace_token(self, request: TokenReplaced) -> UserDescribed:
        if request.generation != self.user.token_generation:
            raise Conflict("The SDK token was replaced meanwhile.")
        self.token_digest = request.digest
        self.user = replace(self.user, token_generation=request.generation + 1)
        return self.user

    async def _user(self, request: UserQueried) -> UserDescribed:
        if request.user_id != self.user.id:
            raise NotFound("There is no such user.")
        return self.user

    def _summary(self, identifier: str) -> ExecutionSummary:
        trigger = self.triggers.get(identifier)
        if trigger is None:
            raise NotFound(f"There is no execution {identifier!r}.")
        end = self.ends.get(identifier)
        return ExecutionSummary(
            id=identifier,
            status=Status.PENDING if end is None else end.status,
            origin=trigger.origin,
            pipeline_id=trigger.pipeline_id,
            deployment_id=trigger.deployment_id,
            created_at=trigger.accepted_at,
            created_by=trigger.accepted_by,
            started_at=None if end is None else end.started_at,
            finished_at=None if end is None else end.finished_at,
        )


@asynccontextmanager
async def rest_of_platform(bus: Bus) -> AsyncIterator[tuple[FakeRegistry, FakeExecutor]]:
    registry = FakeRegistry()
    executor = FakeExecutor(bus, lambda: registry.alive("pipeline"))
    await registry.open(bus)
    await executor.open()
    yield registry, executor
