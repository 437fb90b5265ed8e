"""Who a caller is, and tickets and permits for those who are nobody in particular."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from pumphouse.errors import Unauthorized
from pumphouse.gateway.access_tokens import AccessTokens
from pumphouse.gateway.inside import Inside, not_inside
from pumphouse.gateway.sharing import Shared
from pumphouse.sealing import Sealer
from pumphouse.sealing.tokens import SignedTokens

TICKET_LIFE_S = 600
UPLOAD_LIFE_S = 24 * 3600


def result_tickets(sealer: Sealer) -> SignedTokens:
    """Tokens that name an execution whose result their holder may read."""
    return SignedTokens(sealer, "result-ticket", TICKET_LIFE_S)


def upload_permits(sealer: Sealer) -> SignedTokens:
    """Tokens that name an upload which their holder may go on with."""
    return SignedTokens(sealer, "upload-permit", UPLOAD_LIFE_S)


class UserGuard(Shared):
    """Lets a request in with a valid access token, and notes whose it is as `request.user`.

    `request.auth` is None for a user, and the Scope of user code that calls from inside an
    execution. That is let in where the route says so (see FOR_EXECUTIONS), in the name of the
    user that the execution is recorded for.
    """

    def __init__(self, tokens: AccessTokens, inside: Inside) -> None:
        self._tokens = tokens
        self._inside = inside

    async def __call__(
        self, connection: ASGIConnection[Any, Any, Any, Any], route: BaseRouteHandler
    ) -> None:
        token = credentials(connection, "Bearer")
        if token is None:
            raise Unauthorized(
                "Send the header 'Authorization: Bearer <access token>'; POST /api/v1/auth/refresh"
                " gives one for an SDK token."
            )
        holder = self._tokens.read(token)
        if holder is not None:
            await self._tokens.check(holder)
            connection.scope["user"], connection.scope["auth"] = holder.user_id, None
            return
        scope = self._inside.scope(token)
        if scope is None:
            raise Unauthorized("The access token is wrong or has expired: refresh it.")
        if not route.opt.get("for_executions"):
            raise not_inside(connection)
        connection.scope["user"] = await self._inside.user_of(scope)
        connection.scope["auth"] = scope


def credentials(connection: ASGIConnection[Any, Any, Any, Any], scheme: str) -> str | None:
    """What follows `scheme` in the Authorization header, if anything does."""
    given, _, value = connection.headers.get("authorization", "").partition(" ")
    if given.lower() != scheme.lower() or not value.strip():
        return None
    return value.strip()
