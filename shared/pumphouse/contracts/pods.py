"""Pods of low latency deployments."""

from datetime import datetime

import msgspec

from pumphouse.contracts.catalog import Pod
from pumphouse.contracts.executions import LogLine
from pumphouse.contracts.message import Message, Request
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


class PodLogged(Message, frozen=True, kw_only=True, tag="pod.logged.v1"):
    """Lines that a pod wrote outside of executions, in the order they were written.

    position: number of lines of this pod before the first of these.
    """

    deployment_id: str
    pod_id: str
    position: int
    lines: tuple[LogLine, ...]


class PodLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line with the pod that wrote it."""

    pod_id: str
    line: LogLine


class PodLogsListed(Message, frozen=True, kw_only=True, tag="pod-logs.listed.v1"):
    """In the order they were written."""

    lines: tuple[PodLine, ...] = ()


class PodLogsQueried(Request[PodLogsListed], frozen=True, kw_only=True, tag="pod-logs.queried.v1"):
    """Lines of all pods of a deployment between two moments, both inclusive; the first `limit`.

    There are none of a deployment that is gone. Of many, the newest are kept.
    """

    deployment_id: str
    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = None
