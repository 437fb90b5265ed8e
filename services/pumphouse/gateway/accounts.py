"""Routes of users and of their tokens."""

from dataclasses import dataclass

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from pumphouse.bus import Bus
from pumphouse.contracts.records import UserQueried
from pumphouse.errors import Conflict, NotFound, Unauthorized
from pumphouse.gateway.access_tokens import AccessTokens
from pumphouse.gateway.answers import json_answer
from pumphouse.gateway.authentication import credentials
from pumphouse.gateway.bodies import ApiRequest, read_body_as
from pumphouse.gateway.described import Parameter, described
from pumphouse.gateway.inside import FOR_EXECUTIONS, Inside
from pumphouse.gateway.names import Identifier, known_id
from pumphouse.gateway.sharing import Shared

_TAG = "Users"


class Refresh(msgspec.Struct, frozen=True):
    """refresh_token: an SDK token, or the token that an execution finds in its environment."""

    refresh_token: str


class AccessToken(msgspec.Struct, frozen=True):
    """A JWT whose `exp` and `iat` tell how long it may be used."""

    access_token: str


class SdkToken(msgspec.Struct, frozen=True):
    """An SDK token, which is shown this once."""

    sdk_token: str


class ShownUser(msgspec.Struct, frozen=True):
    """Somebody who may use this installation."""

    id: str
    name: str
    email: str


@dataclass(frozen=True)
class AccountRoutes(Shared):
    bus: Bus
    tokens: AccessTokens
    inside: Inside

    def public(self) -> list[HTTPRouteHandler]:
        """Routes that anyone may call."""
        return [post("/api/v1/auth/refresh")(self.refresh)]

    def private(self) -> list[HTTPRouteHandler]:
        """Routes below /api/v1 for users."""
        return [
            get("/users/me", opt=FOR_EXECUTIONS)(self.me),
            post("/users/me/sdk-token")(self.renew_sdk_token),
            get("/users/{user_id:str}")(self.user),
        ]

    @described(
        "refresh_access_token",
        "Trade an SDK token for an access token",
        tag=_TAG,
        body=Refresh,
        answers=AccessToken,
        refusals=(Unauthorized,),
    )
    async def refresh(self, request: ApiRequest) -> Response[bytes]:
        token = (await read_body_as(Refresh, request)).refresh_token
        scoped = await self.inside.access_token(token)
        return json_answer(AccessToken(scoped or await self.tokens.trade(token)))

    @described("who_am_i", "Show whose token this is", tag=_TAG, answers=ShownUser)
    async def me(self, request: ApiRequest) -> Response[bytes]:
        return await self._describe(request.user)

    @described(
        "regenerate_sdk_token",
        "Replace the SDK token of the caller",
        tag=_TAG,
        answers=SdkToken,
        refusals=(Conflict,),
        details="The old SDK token ends at once, and every access token that it was traded for.",
    )
    async def renew_sdk_token(self, request: ApiRequest) -> Response[bytes]:
        holder = self.tokens.read(credentials(request, "Bearer") or "")
        if holder is None:
            raise Unauthorized("Send the access token of a user.")
        return json_answer(SdkToken(await self.tokens.replace_sdk_token(holder)))

    @described(
        "get_user",
        "Show a user",
        tag=_TAG,
        path=(Parameter("user_id", "Id of the user.", Identifier),),
        answers=ShownUser,
        refusals=(NotFound,),
    )
    async def user(self, user_id: FromPath[str]) -> Response[bytes]:
        return await self._describe(known_id(user_id, "user"))

    async def _describe(self, user_id: str) -> Response[bytes]:
        user = await self.bus.request(UserQueried(user_id=user_id))
        return json_answer(ShownUser(user.id, user.name, user.email))
