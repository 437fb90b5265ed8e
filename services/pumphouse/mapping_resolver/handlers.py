"""Triggers in, plans out."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import uuid_utils

from pumphouse.bus import Envelope
from pumphouse.bus.topology import elastic_partition, pod_partition
from pumphouse.catalog import Catalog
from pumphouse.contracts.executions import (
    ExecutionFinished,
    PlanResolved,
    TriggerAccepted,
    TriggerRefused,
    TriggerRequested,
)
from pumphouse.contracts.message import Message
from pumphouse.contracts.vocabulary import Mode, Origin, Status
from pumphouse.errors import Conflict, Invalid, NotFound, PumphouseError, Unavailable
from pumphouse.mapping import admit
from pumphouse.mapping_resolver.domain import resolve

_MESSAGE_IDS = uuid.UUID("6f6f6a0e-6d0f-5a3c-9a52-0d4b2a6f4f0e")


class Publisher(Protocol):
    """What the handlers need of a bus."""

    async def publish(
        self,
        message: Message,
        *,
        partition: str = "",
        correlation_id: str | None = None,
        reply_to: str | None = None,
        message_id: str | None = None,
    ) -> None: ...

    async def reply(self, message: Message, *, to: str, correlation_id: str) -> None: ...


@dataclass(frozen=True)
class TriggerHandlers:
    """Delivered twice, a trigger gives the same execution id and the same plan again.

    clock: the time of now, with its zone.
    """

    catalog: Catalog
    bus: Publisher
    clock: Callable[[], datetime]

    async def accepted(self, trigger: TriggerAccepted, envelope: Envelope) -> None:
        """Publish the plan, or the end of an execution that cannot have one."""
        await self.catalog.at_least(trigger.catalog_revision)
        if not self._knows(trigger):
            await self.catalog.refresh()
        if not self._knows(trigger):
            return  # deleted meanwhile, and the record of this execution with it
        pipeline = self.catalog.pipelines[trigger.pipeline_id]
        deployment = self.catalog.deployments.get(trigger.deployment_id or "")
        try:
            plan = resolve(trigger, pipeline, deployment, self.catalog.variables)
        except Invalid as error:
            await self._end(trigger, envelope, error)
            return
        await self.bus.publish(
            plan,
            partition=_partition(plan),
            correlation_id=envelope.correlation_id,
            reply_to=envelope.reply_to,
        )

    async def requested(self, wish: TriggerRequested, envelope: Envelope) -> None:
        """Accept the wish of another service, or answer it with a TriggerRefused and raise."""
        try:
            trigger = await self._accept(wish, envelope)
        except Unavailable:
            raise
        except PumphouseError as error:
            if envelope.reply_to is not None:
                await self.bus.reply(
                    TriggerRefused(code=error.code, message=error.message),
                    to=envelope.reply_to,
                    correlation_id=envelope.correlation_id or envelope.message_id,
                )
            raise
        await self.bus.publish(
            trigger,
            correlation_id=envelope.correlation_id or trigger.execution_id,
            reply_to=envelope.reply_to,
        )

    def _knows(self, trigger: TriggerAccepted) -> bool:
        return trigger.pipeline_id in self.catalog.pipelines and (
            trigger.deployment_id is None or trigger.deployment_id in self.catalog.deployments
        )

    async def _accept(self, wish: TriggerRequested, envelope: Envelope) -> TriggerAccepted:
        execution_id = _execution_id(wish, envelope)
        await self.catalog.refresh()
        deployment = self.catalog.deployment(wish.deployment)
        if not deployment.is_enabled:
            raise Conflict(
                f"The deployment {deployment.name!r} is disabled: enable it to start executions."
            )
        if (pipeline := self.catalog.pipelines.get(deployment.pipeline_id)) is None:
            raise NotFound(f"The pipeline of the deployment {deployment.name!r} was deleted.")
        return TriggerAccepted(
            execution_id=execution_id,
            origin=Origin.MESSAGE,
            pipeline_id=pipeline.id,
            deployment_id=deployment.id,
            inputs=admit(pipeline, deployment.mapping, wish.inputs).inputs,
            mapping=deployment.mapping,
            accepted_at=self.clock(),
            accepted_by=deployment.created_by,
            catalog_revision=self.catalog.revision,
        )

    async def _end(self, trigger: TriggerAccepted, envelope: Envelope, error: Invalid) -> None:
        finished = ExecutionFinished(
            execution_id=trigger.execution_id,
            attempt=trigger.attempt,
            status=Status.FAILED,
            finished_at=self.clock(),
            error=error.message,
        )
        if envelope.reply_to is not None:
            await self.bus.reply(
                finished,
                to=envelope.reply_to,
                correlation_id=envelope.correlation_id or trigger.execution_id,
            )
        await self.bus.publish(finished)


def _partition(plan: PlanResolved) -> str:
    if plan.mode is Mode.LOW_LATENCY and plan.deployment_id is not None:
        return pod_partition(plan.deployment_id)
    return elastic_partition(plan.deployment_id or plan.pipeline_id)


def _execution_id(wish: TriggerRequested, envelope: Envelope) -> str:
    if wish.execution_id is not None:
        try:
            return str(uuid.UUID(wish.execution_id))
        except ValueError as error:
            raise Invalid(
                f"execution_id {wish.execution_id[:80]!r} is not a UUID: send one or leave it out."
            ) from error
    if envelope.message_id:
        return str(uuid.uuid5(_MESSAGE_IDS, envelope.message_id))
    return str(uuid_utils.uuid7())
