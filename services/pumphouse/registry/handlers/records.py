"""Questions about executions, logs, users and the catalog."""

from datetime import UTC, datetime
from uuid import UUID

from pumphouse.bus import RequestHandlers
from pumphouse.contracts.catalog import CatalogListed, CatalogRequested
from pumphouse.contracts.records import (
    ExecutionDeleted,
    ExecutionDescribed,
    ExecutionDiscarded,
    ExecutionQueried,
    ExecutionsListed,
    ExecutionsQueried,
    LogsListed,
    LogsQueried,
    TokenPresented,
    TokenReplaced,
    UserDescribed,
    UserQueried,
)
from pumphouse.errors import Invalid, NotFound
from pumphouse.registry.clearing import Clearing
from pumphouse.registry.domain import Stage, is_young, parsed_ids
from pumphouse.registry.queries import CatalogLog, Executions, Users
from pumphouse.registry.waiting import StageWatch

APPEARS_WITHIN_S = 2.0
"""An execution that was accepted a moment ago is recorded by then."""

CATCHES_UP_WITHIN_S = 6.0
"""What the asker has seen of an execution is recorded by then, also after a few failed tries."""


class RecordHandlers:
    def __init__(
        self,
        executions: Executions,
        watch: StageWatch,
        clearing: Clearing,
        catalog: CatalogLog,
        users: Users,
    ) -> None:
        self._executions = executions
        self._watch = watch
        self._clearing = clearing
        self._catalog = catalog
        self._users = users

    @property
    def requests(self) -> RequestHandlers:
        return {
            ExecutionQueried: self._execution,
            ExecutionsQueried: self._list,
            ExecutionDiscarded: self._discard,
            LogsQueried: self._logs,
            CatalogRequested: self._changes,
            TokenPresented: self._token,
            TokenReplaced: self._replace_token,
            UserQueried: self._user,
        }

    async def _execution(self, request: ExecutionQueried) -> ExecutionDescribed:
        found = await self._recorded(request.execution_id)
        identifier = UUID(found.execution.id)
        patience = max(request.wait_s, CATCHES_UP_WITHIN_S if request.ended else 0)
        if found.execution.status.is_terminal or patience <= 0:
            return found
        await self._watch.until({identifier: Stage.ENDED}, patience)
        return await self._found(identifier)

    async def _list(self, request: ExecutionsQueried) -> ExecutionsListed:
        wanted = dict.fromkeys(parsed_ids(request.accepted), Stage.KNOWN)
        wanted |= dict.fromkeys(parsed_ids(request.ended), Stage.ENDED)
        if wanted:
            await self._watch.until(wanted, CATCHES_UP_WITHIN_S)
        if request.deployment_id is not None:
            found = await self._executions.of_deployment(request.deployment_id, request.limit)
        elif request.pipeline_id is not None:
            found = await self._executions.of_pipeline(request.pipeline_id, request.limit)
        else:
            raise Invalid("Name a pipeline or a deployment whose executions to list.")
        return ExecutionsListed(executions=tuple(found))

    async def _discard(self, request: ExecutionDiscarded) -> ExecutionDeleted:
        found = await self._recorded(request.execution_id)
        identifier = UUID(found.execution.id)
        if not await self._executions.delete(identifier):
            raise _unknown(request.execution_id)
        self._watch.reached({identifier: Stage.ENDED})
        self._clearing.wake()
        return ExecutionDeleted(execution_id=found.execution.id)

    async def _logs(self, request: LogsQueried) -> LogsListed:
        found = await self._recorded(request.execution_id)
        identifier = UUID(found.execution.id)
        if request.ended and not found.execution.status.is_terminal:
            await self._watch.until({identifier: Stage.ENDED}, CATCHES_UP_WITHIN_S)
        lines = await self._executions.logs(identifier, request.since, request.until, request.limit)
        return LogsListed(lines=tuple(lines))

    async def _changes(self, request: CatalogRequested) -> CatalogListed:
        return await self._catalog.changes_after(request.after)

    async def _token(self, request: TokenPresented) -> UserDescribed:
        return await self._users.presenting(request.digest)

    async def _replace_token(self, request: TokenReplaced) -> UserDescribed:
        return await self._users.replace_token(request.user_id, request.generation, request.digest)

    async def _user(self, request: UserQueried) -> UserDescribed:
        return await self._users.find(request.user_id)

    async def _recorded(self, execution_id: str) -> ExecutionDescribed:
        """The record; that of an execution accepted just now is waited for. Raises NotFound."""
        for identifier in parsed_ids([execution_id]):
            if (found := await self._executions.find(identifier)) is not None:
                return found
            is_expected = is_young(identifier, datetime.now(UTC))
            if is_expected and not await self._executions.is_deleted(identifier):
                await self._watch.until({identifier: Stage.KNOWN}, APPEARS_WITHIN_S)
                return await self._found(identifier)
        raise _unknown(execution_id)

    async def _found(self, identifier: UUID) -> ExecutionDescribed:
        if (found := await self._executions.find(identifier)) is None:
            raise _unknown(str(identifier))
        return found


def _unknown(execution_id: str) -> NotFound:
    return NotFound(f"There is no execution {execution_id!r}.")
