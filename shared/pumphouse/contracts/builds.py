"""Pipelines on their way to what executions run: code from repositories, runtime environments."""

from datetime import datetime

from pumphouse.contracts.catalog import Environment
from pumphouse.contracts.executions import LogLine
from pumphouse.contracts.message import Message, Request
from pumphouse.contracts.records import LogsListed
from pumphouse.contracts.vocabulary import PipelineStatus


class BuildRequested(Message, frozen=True, kw_only=True, tag="build.requested.v1"):
    """An executor shall make a pipeline ready whose status is creation_pending."""

    pipeline_id: str
    catalog_revision: int


class BuildLogged(Message, frozen=True, kw_only=True, tag="build.logged.v1"):
    """Lines in the order they were written; what a build repeats replaces what it said before.

    position: number of lines of this build before the first of these.
    """

    pipeline_id: str
    position: int
    lines: tuple[LogLine, ...]


class BuildFinished(Message, frozen=True, kw_only=True, tag="build.finished.v1"):
    """The end of a build, after all its lines.

    status: ready, with the environment or the tag of the image, or creation_failed, with a message
    for the author of the pipeline. archive: key of its code. commit_id: the commit of its
    repository that this is.
    """

    pipeline_id: str
    status: PipelineStatus
    environment: Environment | None = None
    commit_id: str | None = None
    archive: str | None = None
    message: str | None = None
    image: str | None = None


class BuildLogsQueried(Request[LogsListed], frozen=True, kw_only=True, tag="build-logs.queried.v1"):
    """Lines of a build between two moments, both inclusive; the first `limit` of them.

    There are none of a pipeline that was never built, or is gone.
    """

    pipeline_id: str
    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = None
