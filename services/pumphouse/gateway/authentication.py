"""Who a caller is: access tokens of users, and tickets for the result of one execution."""

import time
from typing import Any

import jwt
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from pumphouse.errors import Unauthorized
from pumphouse.gateway.sharing import Shared
from pumphouse.sealing import Sealer

ACCESS_LIFE_S = 3600
TICKET_LIFE_S = 600
UPLOAD_LIFE_S = 24 * 3600

_ALGORITHM = "HS256"


class SignedTokens:
    """Short-lived JWTs of one purpose; those of another purpose are refused."""

    def __init__(self, sealer: Sealer, purpose: str, life_s: int) -> None:
        self._key = sealer.derive(purpose)
        self._life_s = life_s

    def issue(self, subject: str) -> str:
        """A token that names `subject` until its life is over."""
        now = int(time.time())
        claims = {"sub": subject, "iat": now, "exp": now + self._life_s}
        return jwt.encode(claims, self._key, _ALGORITHM)

    def subject(self, token: str) -> str | None:
        """Whom the token names; None when it is not one of these, or too old."""
        try:
            claims = jwt.decode(token, self._key, [_ALGORITHM], options={"require": ["exp", "sub"]})
        except (jwt.InvalidTokenError, UnicodeError):
            return None
        return str(claims["sub"])


def access_tokens(sealer: Sealer) -> SignedTokens:
    """Tokens that name a user."""
    return SignedTokens(sealer, "access-token", ACCESS_LIFE_S)


def result_tickets(sealer: Sealer) -> SignedTokens:
    """Tokens that name an execution whose result their holder may read."""
    return SignedTokens(sealer, "result-ticket", TICKET_LIFE_S)


def upload_permits(sealer: Sealer) -> SignedTokens:
    """Tokens that name an upload which their holder may go on with."""
    return SignedTokens(sealer, "upload-permit", UPLOAD_LIFE_S)


class UserGuard(Shared):
    """Lets a request in with a valid access token, and notes whose it is as `request.user`."""

    def __init__(self, tokens: SignedTokens) -> None:
        self._tokens = tokens

    def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        token = credentials(connection, "Bearer")
        if token is None:
            raise Unauthorized(
                "Send the header 'Authorization: Bearer <access token>'; POST /api/v1/auth/refresh"
                " gives one for an SDK token."
            )
        user_id = self._tokens.subject(token)
        if user_id is None:
            raise Unauthorized("The access token is wrong or has expired: refresh it.")
        connection.scope["user"] = user_id


def credentials(connection: ASGIConnection[Any, Any, Any, Any], scheme: str) -> str | None:
    """What follows `scheme` in the Authorization header, if anything does."""
    given, _, value = connection.headers.get("authorization", "").partition(" ")
    if given.lower() != scheme.lower() or not value.strip():
        return None
    return value.strip()
