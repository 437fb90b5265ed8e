"""The wiring of the gateway."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from litestar import Litestar, Router
from litestar.config.cors import CORSConfig
from litestar.handlers import HTTPRouteHandler

from pumphouse.bus import Bus
from pumphouse.catalog import Catalog, following
from pumphouse.gateway.access_tokens import AccessTokens
from pumphouse.gateway.accounts import AccountRoutes
from pumphouse.gateway.authentication import UserGuard, result_tickets, upload_permits
from pumphouse.gateway.constants import Constants
from pumphouse.gateway.data_store import DataStoreRoutes
from pumphouse.gateway.definitions import Definitions
from pumphouse.gateway.deployment_logs import DeploymentLogRoutes
from pumphouse.gateway.deployments import DeploymentRoutes
from pumphouse.gateway.document_routes import Document
from pumphouse.gateway.endpoint_answers import ID_HEADERS, EndpointAnswers
from pumphouse.gateway.endpoints import EndpointRoutes
from pumphouse.gateway.executions import ExecutionRoutes
from pumphouse.gateway.followings import Followings
from pumphouse.gateway.holds import Holds
from pumphouse.gateway.inside import Inside
from pumphouse.gateway.installation import InstallationRoutes
from pumphouse.gateway.kept_values import KeptValues
from pumphouse.gateway.links import Links, links_for
from pumphouse.gateway.metrics import MetricRoutes
from pumphouse.gateway.offered_templates import offered_templates
from pumphouse.gateway.openapi import API_PREFIX
from pumphouse.gateway.outcomes import Outcomes
from pumphouse.gateway.pipeline_templates import PipelineTemplateRoutes
from pumphouse.gateway.pipelines import PipelineRoutes
from pumphouse.gateway.problems import answer_problem
from pumphouse.gateway.project import project_of
from pumphouse.gateway.relay import Relay, open_relay
from pumphouse.gateway.resource_metrics import ResourceMetricRoutes
from pumphouse.gateway.runs import RunRoutes
from pumphouse.gateway.serving import Serving, serving
from pumphouse.gateway.settings import Settings
from pumphouse.gateway.single_files import SingleFiles
from pumphouse.gateway.triggers import Triggers
from pumphouse.gateway.unfinished import Unfinished
from pumphouse.gateway.uploads import Uploads
from pumphouse.gateway.variables import VariableRoutes
from pumphouse.gateway.vector_database import vector_database_of
from pumphouse.gateway.workers import WorkerRoutes
from pumphouse.sealing import Sealer
from pumphouse.storage import Storage, open_storage

MAX_BODY_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Surroundings:
    """What is opened before the routes are made, and closed after them."""

    bus: Bus
    catalog: Catalog
    holds: Holds
    followings: Followings
    storage: Storage
    relay: Relay


def create_app(settings: Settings, around: Surroundings) -> Litestar:
    """All routes, with what they need."""
    sealer = Sealer(settings.secret_key)
    tokens = AccessTokens(sealer, around.bus)
    definitions = Definitions(around.catalog, around.bus, around.holds, settings.definition_hold_s)
    outcomes = Outcomes(around.bus, around.holds, around.followings, settings.reply_patience_s)
    inside = Inside(sealer, around.catalog, Unfinished(outcomes))
    accounts = AccountRoutes(around.bus, tokens, inside)
    vectors = vector_database_of(settings)
    installation = InstallationRoutes(around.catalog, sealer, project_of(settings), vectors)
    constants = Constants(around.storage.platform)
    triggers = Triggers(around.catalog, outcomes, constants)
    links = links_for(settings)
    values = KeptValues(around.storage.platform)
    files = SingleFiles(around.storage)
    answers = EndpointAnswers(values, links)
    hold_s, result_hold_s = settings.hold_s, settings.result_hold_s
    tickets = result_tickets(sealer)
    endpoints = EndpointRoutes(
        definitions, triggers, outcomes, sealer, tickets, answers, hold_s, result_hold_s
    )
    executions = ExecutionRoutes(
        definitions, outcomes, around.bus, sealer, values, files, result_hold_s
    )
    relay = around.relay.routes() if links.may_relay else []
    return _assembled(
        UserGuard(tokens, inside),
        public=[*accounts.public(), *installation.public(), *endpoints.routes(), *relay],
        private=[
            *accounts.private(),
            *installation.private(),
            *VariableRoutes(definitions, sealer).routes(),
            *_pipelines(settings, around, definitions, links, sealer),
            *_data_store(around.storage, links, sealer).routes(),
            *RunRoutes(definitions, triggers).routes(),
            *executions.routes(),
            *DeploymentRoutes(definitions, sealer, constants).routes(),
            *DeploymentLogRoutes(definitions, around.bus).routes(),
            *MetricRoutes(definitions, around.bus, inside).routes(),
            *ResourceMetricRoutes(around.bus).routes(),
            *WorkerRoutes(around.bus).routes(),
        ],
    )


def _pipelines(
    settings: Settings, around: Surroundings, definitions: Definitions, links: Links, sealer: Sealer
) -> list[HTTPRouteHandler]:
    code, project = around.storage.platform, project_of(settings)
    templates = offered_templates(settings)
    pipelines = PipelineRoutes(
        *(definitions, around.bus, code, links, sealer, project, templates),
        allows_dockerfiles=settings.dockerfiles,
    )
    return [*pipelines.routes(), *PipelineTemplateRoutes(templates).routes()]


def _data_store(storage: Storage, links: Links, sealer: Sealer) -> DataStoreRoutes:
    uploads = Uploads(storage.data, storage.platform, upload_permits(sealer))
    return DataStoreRoutes(storage.data, links.is_store_inside, uploads, links)


def _assembled(
    guard: UserGuard, public: list[HTTPRouteHandler], private: list[HTTPRouteHandler]
) -> Litestar:
    document = Document(public, private)
    return Litestar(
        [
            *public,
            *document.routes(),
            Router(API_PREFIX, guards=[guard], route_handlers=private),
        ],
        exception_handlers={Exception: answer_problem},
        request_max_body_size=MAX_BODY_BYTES,
        cors_config=CORSConfig(
            expose_headers=[*ID_HEADERS, "Content-Disposition", "ETag", "Location", "X-Request-Id"]
        ),
        openapi_config=None,
        logging_config=None,
    )


@asynccontextmanager
async def running(settings: Settings, bus: Bus) -> AsyncIterator[Serving]:
    """Serve HTTP while the context is open; entering returns once the port takes requests."""
    holds = Holds()
    followings = Followings()
    async with (
        open_storage(settings.s3_url, settings.s3_public_url) as storage,
        open_relay(settings) as relay,
        following(bus) as catalog,
    ):
        catalog.listen(followings.forget_deleted)
        app = create_app(settings, Surroundings(bus, catalog, holds, followings, storage, relay))
        try:
            async with serving(app, settings.host, settings.port, holds, settings.stop_s) as served:
                yield served
        finally:
            followings.close()
