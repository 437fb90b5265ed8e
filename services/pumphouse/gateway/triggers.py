"""Checking triggers and starting executions for them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import uuid_utils

from pumphouse.catalog import Catalog
from pumphouse.contracts.catalog import Deployment, Pipeline
from pumphouse.contracts.executions import TriggerAccepted
from pumphouse.contracts.mappings import Mapping, RunValue
from pumphouse.contracts.vocabulary import DeploymentStatus, Origin, Rule
from pumphouse.errors import Conflict, Invalid
from pumphouse.gateway.outcomes import Outcomes
from pumphouse.mapping import admit, complete


@dataclass(frozen=True)
class Triggers:
    """Every way to start an execution over HTTP. What is refused starts nothing."""

    catalog: Catalog
    outcomes: Outcomes

    async def run(
        self, pipeline: Pipeline, mapping: Mapping, given: dict[str, Any], user_id: str
    ) -> str:
        """Run a pipeline with these values and return the id of the execution.

        Raises Invalid when the mapping or a value cannot be used, or both give an input.
        """
        completed = complete(pipeline, None, mapping)
        twice = sorted(
            item.input
            for item in completed.inputs
            if item.input in given and not isinstance(item.source, RunValue)
        )
        if twice:
            raise Invalid(
                f"Both inputs_mapping and inputs give {', '.join(map(repr, twice))}: remove one."
            )
        return await self._start(
            TriggerAccepted(
                execution_id=_new_id(),
                origin=Origin.RUN,
                pipeline_id=pipeline.id,
                inputs=admit(pipeline, completed, given),
                mapping=completed,
                accepted_at=datetime.now(UTC),
                accepted_by=user_id,
                catalog_revision=self.catalog.revision,
            )
        )

    async def call(self, deployment: Deployment, pipeline: Pipeline, given: dict[str, Any]) -> str:
        """Call an endpoint with these values and return the id of the execution.

        Raises Conflict when it takes no calls, Invalid when a value cannot be used.
        """
        check_callable(deployment)
        return await self._start(
            TriggerAccepted(
                execution_id=_new_id(),
                origin=Origin.ENDPOINT,
                pipeline_id=deployment.pipeline_id,
                deployment_id=deployment.id,
                inputs=admit(pipeline, deployment.mapping, given),
                mapping=deployment.mapping,
                accepted_at=datetime.now(UTC),
                accepted_by=deployment.created_by,
                catalog_revision=self.catalog.revision,
            )
        )

    async def _start(self, trigger: TriggerAccepted) -> str:
        await self.outcomes.start(trigger)
        return trigger.execution_id


def check_callable(deployment: Deployment) -> None:
    """Raise Conflict or Invalid unless the deployment is an endpoint that takes calls."""
    if deployment.rule is not Rule.ENDPOINT:
        raise Invalid(f"Deployment {deployment.name!r} is {deployment.rule}, not an endpoint.")
    if not deployment.is_enabled:
        raise Conflict(f"Deployment {deployment.name!r} is disabled: enable it first.")
    if deployment.status is DeploymentStatus.FAILED:
        reason = f": {deployment.status_message}" if deployment.status_message else "."
        raise Conflict(f"Deployment {deployment.name!r} could not be created{reason}")


def _new_id() -> str:
    return str(uuid_utils.uuid7())
