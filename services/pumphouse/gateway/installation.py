"""Routes of the installation as a whole."""

import uuid
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from pumphouse.catalog import Catalog
from pumphouse.errors import NotFound
from pumphouse.gateway.answers import json_answer
from pumphouse.gateway.described import Parameter, described
from pumphouse.gateway.inside import FOR_EXECUTIONS
from pumphouse.gateway.names import Identifier
from pumphouse.gateway.project import ProjectDefaults
from pumphouse.gateway.sharing import Shared
from pumphouse.gateway.vector_database import TOKEN, URL, VectorDatabase
from pumphouse.sealing import Sealer

_TAG = "Installation"


class Health(msgspec.Struct, frozen=True):
    """catalog_revision: number of the newest change of a definition that this gateway knows."""

    status: str
    catalog_revision: int


class EnvironmentInformation(msgspec.Struct, frozen=True):
    """environment_id: the same at all gateways of an installation. version: of the gateway."""

    environment_id: str
    version: str


class ProjectInformation(msgspec.Struct, frozen=True, kw_only=True):
    """What pipelines fall back to where their `container_config` says nothing."""

    language: str | None
    repository_url: str | None
    repository_branch: str | None
    included_folders: tuple[str, ...] | None
    system_dependencies: tuple[str, ...] | None
    requirements_path: str | None
    dockerfile_path: None = None


class VectorDatabaseCredentials(msgspec.Struct, frozen=True):
    """Where the vector database of the installation is, and what opens it."""

    vector_database_url: str
    vector_database_token: str


@dataclass(frozen=True)
class InstallationRoutes(Shared):
    catalog: Catalog
    sealer: Sealer
    project: ProjectDefaults
    vector_database: VectorDatabase | None

    def public(self) -> list[HTTPRouteHandler]:
        """Routes that anyone may call."""
        return [
            get("/healthz")(self.health),
            get("/api/v1/environment-info")(self.show_environment),
        ]

    def private(self) -> list[HTTPRouteHandler]:
        """Routes below /api/v1 for users."""
        return [
            get("/project-information")(self.show_project),
            get("/environments/{environment_id:str}/vector-database", opt=FOR_EXECUTIONS)(
                self.show_vector_database
            ),
        ]

    @described("health", "Tell whether the gateway can answer", tag=_TAG, answers=Health)
    async def health(self) -> Response[bytes]:
        await self.catalog.refresh()
        return json_answer(Health("ok", self.catalog.revision))

    @described(
        "get_environment_information",
        "Tell the installations apart",
        tag=_TAG,
        answers=EnvironmentInformation,
    )
    async def show_environment(self) -> Response[bytes]:
        return json_answer(EnvironmentInformation(self._environment_id, version("pumphouse")))

    @described(
        "get_project_information",
        "Show what pipelines fall back to",
        tag=_TAG,
        answers=ProjectInformation,
    )
    async def show_project(self) -> Response[bytes]:
        project = self.project
        return json_answer(
            ProjectInformation(
                language=project.language,
                repository_url=project.repository_url,
                repository_branch=project.repository_branch,
                included_folders=project.included_folders,
                system_dependencies=project.system_dependencies,
                requirements_path=project.requirements_path,
            )
        )

    @described(
        "get_vector_database_credentials",
        "Show how the vector database is reached",
        tag=_TAG,
        path=(Parameter("environment_id", "Id of the installation.", Identifier),),
        answers=VectorDatabaseCredentials,
    )
    async def show_vector_database(self, environment_id: FromPath[str]) -> Response[bytes]:
        if environment_id != self._environment_id:
            raise NotFound(f"There is no environment {environment_id[:80]!r} here.")
        if self.vector_database is None:
            raise NotFound(
                "This installation has no vector database: whoever runs it can name one with the"
                f" settings {URL} and {TOKEN}."
            )
        return json_answer(
            VectorDatabaseCredentials(self.vector_database.url, self.vector_database.token)
        )

    @cached_property
    def _environment_id(self) -> str:
        """Derived from the secret, of which it reveals nothing."""
        return str(uuid.UUID(bytes=self.sealer.derive("environment-id")[:16], version=4))
