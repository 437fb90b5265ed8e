"""Whose an object of the platform is, by its key alone."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from pumphouse.storage.keys import deployment_prefix, execution_prefix, pipeline_prefix

OWNED_PREFIX = "pipelines/"
"""Of the keys of all objects that have an owner."""


@dataclass(frozen=True)
class Owner:
    """A pipeline, a deployment or an execution: the innermost one that an object belongs to."""

    pipeline_id: str
    deployment_id: str | None = None
    execution_id: str | None = None


def owner_of(key: str) -> Owner | None:
    """The owner of the object; None when the key is not one of theirs."""
    match key.split("/"):
        case ["pipelines", pipeline, "deployments", deployment, "executions", execution, _, *_]:
            return Owner(pipeline, deployment, execution)
        case ["pipelines", pipeline, "runs", execution, _, *_]:
            return Owner(pipeline, None, execution)
        case ["pipelines", pipeline, "deployments", deployment, _, *_]:
            return Owner(pipeline, deployment)
        case ["pipelines", pipeline, _, *_]:
            return Owner(pipeline)
    return None


@dataclass(frozen=True)
class Known:
    """Ids of what the database has."""

    pipelines: Collection[str]
    deployments: Collection[str]
    executions: Collection[str]


def orphaned_prefixes(owners: Iterable[Owner], known: Known) -> set[str]:
    """What to delete because an owner is gone: the longest way out that leads to a known one."""
    return {prefix for owner in owners if (prefix := _orphaned(owner, known)) is not None}


def _orphaned(owner: Owner, known: Known) -> str | None:
    pipeline, deployment, execution = owner.pipeline_id, owner.deployment_id, owner.execution_id
    if pipeline not in known.pipelines:
        return pipeline_prefix(pipeline)
    if deployment is not None and deployment not in known.deployments:
        return deployment_prefix(pipeline, deployment)
    if execution is not None and execution not in known.executions:
        return execution_prefix(pipeline, deployment, execution)
    return None
