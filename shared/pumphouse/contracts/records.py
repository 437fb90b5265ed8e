"""Questions to the registry about executions and users, and its answers."""

from datetime import datetime

import msgspec

from pumphouse.contracts.executions import LogLine, PlannedInput, ProducedOutput
from pumphouse.contracts.message import Message, Request
from pumphouse.contracts.vocabulary import Origin, Status


class ExecutionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """An execution as lists show it. created_by: user id."""

    id: str
    status: Status
    origin: Origin
    pipeline_id: str
    deployment_id: str | None = None
    created_at: datetime
    created_by: str
    started_at: datetime | None = None
    finished_at: datetime | None = None
    attempt: int = 1


class ExecutionDescribed(Message, frozen=True, kw_only=True, tag="execution.described.v1"):
    """inputs have no value before the execution has started; outputs none before its end."""

    execution: ExecutionSummary
    inputs: tuple[PlannedInput, ...] = ()
    outputs: tuple[ProducedOutput, ...] = ()
    error: str | None = None


class ExecutionQueried(
    Request[ExecutionDescribed], frozen=True, kw_only=True, tag="execution.queried.v1"
):
    """One execution. NotFound when there is none.

    wait_s: hold the answer until the status is terminal, at most for so many seconds.
    ended: the asker knows that it has ended; the answer waits for the record to say so too.
    """

    execution_id: str
    wait_s: float = 0
    ended: bool = False


class ExecutionsListed(Message, frozen=True, kw_only=True, tag="executions.listed.v1"):
    """Newest first."""

    executions: tuple[ExecutionSummary, ...] = ()


class ExecutionsQueried(
    Request[ExecutionsListed], frozen=True, kw_only=True, tag="executions.queried.v1"
):
    """The executions of a pipeline, or of one deployment of it.

    limit: at most so many, the newest; None for all.
    accepted, ended: ids whose trigger the asker knows to be accepted, or whose end it knows; the
    answer waits for the record to say so too.
    """

    pipeline_id: str | None = None
    deployment_id: str | None = None
    limit: int | None = None
    accepted: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()


class ExecutionDeleted(Message, frozen=True, kw_only=True, tag="execution.deleted.v1"):
    execution_id: str


class ExecutionDiscarded(
    Request[ExecutionDeleted], frozen=True, kw_only=True, tag="execution.discarded.v1"
):
    """Remove the record of an execution. NotFound when there is none."""

    execution_id: str


class LogsListed(Message, frozen=True, kw_only=True, tag="logs.listed.v1"):
    """In the order they were written."""

    lines: tuple[LogLine, ...] = ()


class LogsQueried(Request[LogsListed], frozen=True, kw_only=True, tag="logs.queried.v1"):
    """Log lines of an execution between two moments, both inclusive; the first `limit` of them."""

    execution_id: str
    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = None
    ended: bool = False


class UserDescribed(Message, frozen=True, kw_only=True, tag="user.described.v1"):
    """token_generation: a number that every new SDK token of the user raises."""

    id: str
    name: str
    email: str
    token_generation: int = 0


class TokenPresented(Request[UserDescribed], frozen=True, kw_only=True, tag="token.presented.v1"):
    """Whose SDK token has this SHA-256 digest? Unauthorized when nobody's."""

    digest: str


class TokenReplaced(Request[UserDescribed], frozen=True, kw_only=True, tag="token.replaced.v1"):
    """Give a user another SDK token, by its SHA-256 digest; the one before it ends.

    generation: of the token that is replaced. Conflict when it is not the user's any more; NotFound
    without the user.
    """

    user_id: str
    generation: int
    digest: str


class UserQueried(Request[UserDescribed], frozen=True, kw_only=True, tag="user.queried.v1"):
    """NotFound when there is none."""

    user_id: str
