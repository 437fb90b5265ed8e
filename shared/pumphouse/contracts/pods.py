"""Pods of low latency deployments."""

from pumphouse.contracts.catalog import Pod
from pumphouse.contracts.message import Message
from pumphouse.contracts.vocabulary import DeploymentStatus


class PodRequested(Message, frozen=True, kw_only=True, tag="pod.requested.v1"):
    """The executor that holds the deployment's queue shall have a pod ready for it."""

    deployment_id: str
    catalog_revision: int


class PodReported(Message, frozen=True, kw_only=True, tag="pod.reported.v1"):
    """What became of the pods of a deployment. message: the traceback of a failed import."""

    deployment_id: str
    status: DeploymentStatus
    pods: tuple[Pod, ...] = ()
    message: str | None = None
