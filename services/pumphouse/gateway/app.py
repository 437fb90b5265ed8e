"""The wiring of the gateway."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from litestar import Litestar, Router
from litestar.config.cors import CORSConfig
from litestar.handlers import HTTPRouteHandler

from pumphouse.bus import Bus
from pumphouse.catalog import Catalog, following
from pumphouse.gateway.accounts import AccountRoutes
from pumphouse.gateway.authentication import (
    UserGuard,
    access_tokens,
    download_tickets,
    result_tickets,
)
from pumphouse.gateway.definitions import Definitions
from pumphouse.gateway.deployments import DeploymentRoutes
from pumphouse.gateway.endpoints import ID_HEADERS, EndpointRoutes
from pumphouse.gateway.executions import ExecutionRoutes
from pumphouse.gateway.followings import Followings
from pumphouse.gateway.holds import Holds
from pumphouse.gateway.outcomes import Outcomes
from pumphouse.gateway.pipelines import PipelineRoutes
from pumphouse.gateway.problems import answer_problem
from pumphouse.gateway.serving import Serving, serving
from pumphouse.gateway.settings import Settings
from pumphouse.gateway.triggers import Triggers
from pumphouse.gateway.variables import VariableRoutes
from pumphouse.sealing import Sealer
from pumphouse.storage import FolderBlobs

MAX_BODY_BYTES = 1024 * 1024


def create_app(
    settings: Settings, bus: Bus, catalog: Catalog, holds: Holds, followings: Followings
) -> Litestar:
    """All routes, with what they need."""
    sealer = Sealer(settings.secret_key)
    tokens = access_tokens(sealer)
    definitions = Definitions(catalog, bus, holds, settings.definition_hold_s)
    outcomes = Outcomes(bus, holds, followings, settings.reply_patience_s)
    triggers = Triggers(catalog, outcomes)
    accounts = AccountRoutes(bus, catalog, sealer, tokens)
    pipelines = PipelineRoutes(
        definitions,
        FolderBlobs(Path(settings.storage_dir)),
        download_tickets(sealer),
        settings.public_url,
    )
    endpoints = EndpointRoutes(
        definitions,
        triggers,
        outcomes,
        sealer,
        result_tickets(sealer),
        settings.hold_s,
        settings.result_hold_s,
    )
    executions = ExecutionRoutes(
        definitions, outcomes, triggers, bus, sealer, settings.result_hold_s
    )
    deployments = DeploymentRoutes(definitions, triggers, sealer)
    return _assembled(
        UserGuard(tokens),
        public=[*accounts.public(), *pipelines.public(), *endpoints.routes()],
        private=[
            *accounts.private(),
            *VariableRoutes(definitions, sealer).routes(),
            *pipelines.routes(),
            *executions.routes(),
            *deployments.routes(),
        ],
    )


def _assembled(
    guard: UserGuard, public: list[HTTPRouteHandler], private: list[HTTPRouteHandler]
) -> Litestar:
    return Litestar(
        [*public, Router("/api/v1", guards=[guard], route_handlers=private)],
        exception_handlers={Exception: answer_problem},
        request_max_body_size=MAX_BODY_BYTES,
        cors_config=CORSConfig(expose_headers=[*ID_HEADERS, "Location", "X-Request-Id"]),
        openapi_config=None,
        logging_config=None,
    )


@asynccontextmanager
async def running(settings: Settings, bus: Bus) -> AsyncIterator[Serving]:
    """Serve HTTP while the context is open; entering returns once the port takes requests."""
    holds = Holds()
    followings = Followings()
    async with following(bus) as catalog:
        catalog.listen(followings.forget_deleted)
        app = create_app(settings, bus, catalog, holds, followings)
        try:
            async with serving(app, settings.host, settings.port, holds, settings.stop_s) as served:
                yield served
        finally:
            followings.close()
