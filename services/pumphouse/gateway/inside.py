"""User code that calls from inside an execution: for whom, and how far its token goes."""

from typing import Any

from litestar.connection import ASGIConnection

from pumphouse.catalog import Catalog
from pumphouse.errors import Forbidden, Unauthorized
from pumphouse.gateway.sharing import Shared
from pumphouse.gateway.unfinished import Unfinished
from pumphouse.sealing import Sealer
from pumphouse.sealing.tokens import Scope, ScopedTokens, ScopeKind, execution_tokens

ACCESS_LIFE_S = 600

FOR_EXECUTIONS = {"for_executions": True}
"""Marks a route, as its `opt`, that user code may call from inside an execution."""

Connection = ASGIConnection[Any, Any, Any, Any]


class Inside(Shared):
    """Trades the tokens of executions for short ones, and knows whom these speak for.

    A token is good while what it names is at work: an execution until it ends; a deployment while
    it is enabled, and after that until its last execution ends.
    """

    def __init__(self, sealer: Sealer, catalog: Catalog, unfinished: Unfinished) -> None:
        self._tokens = execution_tokens(sealer)
        self._access = ScopedTokens(sealer, "execution-access-token", ACCESS_LIFE_S)
        self._catalog = catalog
        self._unfinished = unfinished

    async def access_token(self, token: str) -> str | None:
        """A short token for the token of an execution; None for a token of another kind.

        Raises Unauthorized when what it names is over.
        """
        scope = self._tokens.scope(token)
        if scope is None:
            return None
        await self.user_of(scope)
        return self._access.issue(scope)

    def scope(self, access_token: str) -> Scope | None:
        """Where the holder of a short token runs; None when it is not one of these, or too old."""
        return self._access.scope(access_token)

    async def user_of(self, scope: Scope) -> str:
        """Id of the user that the executions are recorded for. Raises Unauthorized: it is over."""
        if scope.kind is ScopeKind.DEPLOYMENT:
            return await self._user_of_deployment(scope.id)
        execution = await self._unfinished.execution(scope.id)
        if execution is None:
            raise Unauthorized(f"The execution {scope.id} is over, and its token with it.")
        return execution.created_by

    async def check_may_record(self, connection: Connection, execution_id: str) -> None:
        """Raise Forbidden unless whoever calls may record metrics for the execution.

        A user may for any, user code for the execution that it runs in.
        """
        scope: Scope | None = connection.auth
        if scope is None or scope == Scope(ScopeKind.EXECUTION, execution_id):
            return
        if scope.kind is ScopeKind.DEPLOYMENT:
            execution = await self._unfinished.execution(execution_id)
            if execution is not None and execution.deployment_id == scope.id:
                return
        raise Forbidden(
            "From inside an execution, metrics can be recorded for that execution alone, and while"
            f" it runs: not for {execution_id!r}."
        )

    async def _user_of_deployment(self, deployment_id: str) -> str:
        if deployment_id not in self._catalog.deployments:
            await self._catalog.refresh()
        deployment = self._catalog.deployments.get(deployment_id)
        if deployment is None:
            raise Unauthorized("The deployment is gone, and the tokens of its executions with it.")
        is_at_work = deployment.is_enabled or await self._unfinished.of_deployment(deployment_id)
        if not is_at_work:
            raise Unauthorized(
                "The deployment is disabled, and the tokens of its executions with it."
            )
        return deployment.created_by


def not_inside(connection: Connection) -> Forbidden:
    """Why user code may not call what it calls, and what there is instead."""
    method, path = connection.scope.get("method"), connection.url.path
    return Forbidden(
        f"{method} {path} cannot be called from inside an execution. Its token is for the data"
        " store, environment variables, metrics, and for reading pipelines and deployments. Call an"
        " endpoint with the token of the endpoint; do all else from outside, with an SDK token."
    )
