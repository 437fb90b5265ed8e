"""Routes of users and of the installation as a whole."""

import uuid
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from pumphouse.bus import Bus
from pumphouse.catalog import Catalog
from pumphouse.contracts.records import TokenPresented, UserDescribed, UserQueried
from pumphouse.errors import NotFound, NotSupported
from pumphouse.gateway.answers import json_answer
from pumphouse.gateway.bodies import ApiRequest, read_body_as
from pumphouse.gateway.inside import FOR_EXECUTIONS, Inside
from pumphouse.gateway.names import known_id
from pumphouse.gateway.sharing import Shared
from pumphouse.sealing import Sealer, digest
from pumphouse.sealing.tokens import SignedTokens


class Refresh(msgspec.Struct, frozen=True):
    refresh_token: str


@dataclass(frozen=True)
class AccountRoutes(Shared):
    bus: Bus
    catalog: Catalog
    sealer: Sealer
    tokens: SignedTokens
    inside: Inside

    def public(self) -> list[HTTPRouteHandler]:
        """Routes that anyone may call."""
        return [
            get("/healthz")(self.health),
            post("/api/v1/auth/refresh")(self.refresh),
            get("/api/v1/environment-info")(self.environment),
        ]

    def private(self) -> list[HTTPRouteHandler]:
        """Routes below /api/v1 for users."""
        return [
            get("/users/me", opt=FOR_EXECUTIONS)(self.me),
            get("/users/{user_id:str}")(self.user),
            get("/environments/{environment_id:str}/vector-database", opt=FOR_EXECUTIONS)(
                self.vector_database
            ),
            get("/project-information")(self.project),
            get("/pipeline-templates")(self.templates),
            get("/pipeline-templates/{name:str}")(self.template),
        ]

    async def health(self) -> Response[bytes]:
        await self.catalog.refresh()
        return json_answer({"status": "ok", "catalog_revision": self.catalog.revision})

    async def refresh(self, request: ApiRequest) -> Response[bytes]:
        token = (await read_body_as(Refresh, request)).refresh_token
        if (scoped := await self.inside.access_token(token)) is not None:
            return json_answer({"access_token": scoped})
        user = await self.bus.request(TokenPresented(digest=digest(token)))
        return json_answer({"access_token": self.tokens.issue(user.id)})

    async def environment(self) -> Response[bytes]:
        """The id is the same for all gateways of an installation and reveals nothing of it."""
        identifier = uuid.UUID(bytes=self.sealer.derive("environment-id")[:16], version=4)
        return json_answer({"environment_id": str(identifier)})

    async def me(self, request: ApiRequest) -> Response[bytes]:
        return await self._describe(request.user)

    async def user(self, user_id: FromPath[str]) -> Response[bytes]:
        return await self._describe(known_id(user_id, "user"))

    async def vector_database(self, environment_id: FromPath[str]) -> Response[bytes]:
        raise NotSupported("This installation has no vector database.")

    async def project(self) -> Response[bytes]:
        """There are no defaults: every pipeline says itself what it needs."""
        names = (
            "language",
            "repository_url",
            "repository_branch",
            "included_folders",
            "system_dependencies",
            "dockerfile_path",
            "requirements_path",
        )
        return json_answer(dict.fromkeys(names))

    async def templates(self) -> Response[bytes]:
        return json_answer({"pipeline_templates": []})

    async def template(self, name: FromPath[str]) -> Response[bytes]:
        raise NotFound(f"There is no pipeline template {name!r}: this installation has none.")

    async def _describe(self, user_id: str) -> Response[bytes]:
        user: UserDescribed = await self.bus.request(UserQueried(user_id=user_id))
        shown: dict[str, Any] = {"id": user.id, "name": user.name, "email": user.email}
        return json_answer(shown)
