"""Changing a deployment that there is."""

import msgspec

from pumphouse.contracts.catalog import Deployment, Pipeline
from pumphouse.contracts.vocabulary import Rule
from pumphouse.errors import Invalid
from pumphouse.gateway.mappings import InputItem, OutputItem, revise
from pumphouse.mapping import check_schedule, complete


class DeploymentRevision(msgspec.Struct, frozen=True):
    """One property of a deployment to change; in mappings, what is not listed stays."""

    is_enabled: bool | None = None
    schedule: str | None = None
    inputs_mapping: list[InputItem] | None = None
    outputs_mapping: list[OutputItem] | None = None

    def check(self) -> None:
        """Raise Invalid unless there is exactly one."""
        given = [key for key in self.__struct_fields__ if getattr(self, key) is not None]
        if len(given) != 1:
            found = ", ".join(given) or "none"
            raise Invalid(
                f"Send exactly one of {', '.join(self.__struct_fields__)}; there is {found}."
            )


def revised(deployment: Deployment, pipeline: Pipeline, revision: DeploymentRevision) -> Deployment:
    """The deployment with the one property changed. Raises Invalid when it cannot be."""
    if revision.is_enabled is not None:
        return msgspec.structs.replace(deployment, is_enabled=revision.is_enabled)
    if revision.schedule is not None:
        if deployment.rule is not Rule.PERIODIC:
            raise Invalid(f"Deployment {deployment.name!r} is an endpoint: it has no schedule.")
        check_schedule(revision.schedule)
        return msgspec.structs.replace(deployment, schedule=revision.schedule)
    mapping = revise(deployment.mapping, revision.inputs_mapping, revision.outputs_mapping)
    return msgspec.structs.replace(deployment, mapping=complete(pipeline, deployment.rule, mapping))
