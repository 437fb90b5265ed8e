"""Checking triggers and starting executions for them."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import uuid_utils

from pumphouse.catalog import Catalog
from pumphouse.contracts.catalog import Deployment, Pipeline
from pumphouse.contracts.executions import TriggerAccepted
from pumphouse.contracts.mappings import Mapping, RunValue
from pumphouse.contracts.vocabulary import DeploymentStatus, Origin, PipelineStatus, Rule
from pumphouse.errors import Conflict, Invalid, NotFound
from pumphouse.gateway.constants import Constants
from pumphouse.gateway.given_files import Intake, taking_in
from pumphouse.gateway.outcomes import Outcomes
from pumphouse.mapping import Admitted, admit, complete
from pumphouse.storage.keys import execution_prefix


@dataclass(frozen=True)
class Triggers:
    """Every way to start an execution over HTTP. What is refused starts nothing."""

    catalog: Catalog
    outcomes: Outcomes
    constants: Constants

    def intake(
        self, pipeline_id: str, deployment_id: str | None
    ) -> AbstractAsyncContextManager[Intake]:
        """Where the files for one new execution go in. deployment_id: None for a run."""
        execution_id = str(uuid_utils.uuid7())
        prefix = execution_prefix(pipeline_id, deployment_id, execution_id)
        return taking_in(self.constants.bucket, execution_id, prefix)

    async def run(
        self,
        pipeline: Pipeline,
        mapping: Mapping,
        given: dict[str, Any],
        intake: Intake,
        user_id: str,
    ) -> None:
        """Run a pipeline with these values, and the files that came in.

        Raises Invalid when the mapping or a value cannot be used, or both give an input.
        """
        completed = complete(pipeline, None, mapping)
        twice = sorted(
            item.input
            for item in completed.inputs
            if (item.input in given or item.input in intake.files)
            and not isinstance(item.source, RunValue)
        )
        if twice:
            raise Invalid(
                f"Both inputs_mapping and inputs give {', '.join(map(repr, twice))}: remove one."
            )
        admitted = _admitted(pipeline, completed, given, intake)
        await self._start(
            TriggerAccepted(
                execution_id=intake.execution_id,
                origin=Origin.RUN,
                pipeline_id=pipeline.id,
                inputs=admitted.inputs,
                files=admitted.files,
                mapping=await self.constants.put_away(completed, intake.prefix),
                accepted_at=datetime.now(UTC),
                accepted_by=user_id,
                catalog_revision=self.catalog.revision,
            ),
            intake,
        )

    async def call(
        self, deployment: Deployment, pipeline: Pipeline, given: dict[str, Any], intake: Intake
    ) -> None:
        """Call an endpoint with these values, and the file that came in.

        Raises Conflict when it takes no calls, NotFound when it went while the file came in, and
        Invalid when a value cannot be used.
        """
        current = self.catalog.deployments.get(deployment.id)
        if current is None:
            raise NotFound(f"Deployment {deployment.name!r} is gone.")
        check_callable(current)
        admitted = _admitted(pipeline, current.mapping, given, intake)
        await self._start(
            TriggerAccepted(
                execution_id=intake.execution_id,
                origin=Origin.ENDPOINT,
                pipeline_id=current.pipeline_id,
                deployment_id=current.id,
                inputs=admitted.inputs,
                files=admitted.files,
                mapping=current.mapping,
                accepted_at=datetime.now(UTC),
                accepted_by=current.created_by,
                catalog_revision=self.catalog.revision,
            ),
            intake,
        )

    async def _start(self, trigger: TriggerAccepted, intake: Intake) -> None:
        intake.is_offered = True
        await self.outcomes.start(trigger)


def _admitted(
    pipeline: Pipeline, mapping: Mapping, given: dict[str, Any], intake: Intake
) -> Admitted:
    for name in given.keys() & intake.files.keys():
        raise Invalid(f"Both a value and a file are given for input {name!r}: leave one out.")
    return admit(pipeline, mapping, given, intake.files)


def check_ready(pipeline: Pipeline) -> None:
    """Raise Conflict unless the environment of the pipeline is there."""
    if pipeline.status is PipelineStatus.PENDING:
        raise Conflict(
            f"Pipeline {pipeline.name!r} is not ready yet: its environment is being built. Wait"
            " until its status is 'ready'."
        )
    if pipeline.status is PipelineStatus.FAILED:
        reason = f": {pipeline.status_message}" if pipeline.status_message else "."
        raise Conflict(f"Pipeline {pipeline.name!r} could not be created{reason}")


def check_callable(deployment: Deployment) -> None:
    """Raise Conflict or Invalid unless the deployment is an endpoint that takes calls."""
    if deployment.rule is not Rule.ENDPOINT:
        raise Invalid(f"Deployment {deployment.name!r} is {deployment.rule}, not an endpoint.")
    if not deployment.is_enabled:
        raise Conflict(f"Deployment {deployment.name!r} is disabled: enable it first.")
    if deployment.status is DeploymentStatus.FAILED:
        reason = f": {deployment.status_message}" if deployment.status_message else "."
        raise Conflict(f"Deployment {deployment.name!r} could not be created{reason}")
