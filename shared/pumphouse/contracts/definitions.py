"""Requests that change the catalog. Each is answered with what the asker's catalog then lacks.

after: the revision that the asker holds.
"""

from datetime import datetime

from pumphouse.contracts.catalog import CatalogListed, Deployment, Pipeline, Variable
from pumphouse.contracts.message import Request


class Definition(Request[CatalogListed], frozen=True, kw_only=True):
    after: int = 0


class PipelineSubmitted(Definition, frozen=True, kw_only=True, tag="pipeline.submitted.v1"):
    """Conflict when the name is taken."""

    pipeline: Pipeline


class PipelineDiscarded(Definition, frozen=True, kw_only=True, tag="pipeline.discarded.v1"):
    """Remove a pipeline and its executions.

    NotFound when there is none; Conflict when deployments stand on it and are not to go with it.
    """

    pipeline_id: str
    with_deployments: bool = False


class DeploymentSubmitted(Definition, frozen=True, kw_only=True, tag="deployment.submitted.v1"):
    """Conflict when the name or the endpoint path is taken; NotFound without its pipeline."""

    deployment: Deployment


class DeploymentRevised(Definition, frozen=True, kw_only=True, tag="deployment.revised.v1"):
    """Replace a deployment by a newer version of itself.

    base: `updated_at` of the version that the change was made from. Conflict when it is not the
    stored one any more, NotFound when the deployment is gone. Status and pods are the registry's:
    a revision sets neither, but enabling and disabling move the status.
    """

    deployment: Deployment
    base: datetime


class DeploymentDiscarded(Definition, frozen=True, kw_only=True, tag="deployment.discarded.v1"):
    """Remove a deployment and its executions. NotFound when there is none."""

    deployment_id: str


class VariablesRevised(Definition, frozen=True, kw_only=True, tag="variables.revised.v1"):
    """Set these variables; others stay."""

    variables: tuple[Variable, ...]


class VariableDiscarded(Definition, frozen=True, kw_only=True, tag="variable.discarded.v1"):
    """NotFound when there is none."""

    name: str
