"""Routes of deployments of both rules."""

from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from pumphouse.contracts.catalog import Deployment, Pipeline
from pumphouse.contracts.definitions import (
    DeploymentDiscarded,
    DeploymentRevised,
    DeploymentSubmitted,
)
from pumphouse.contracts.vocabulary import DeploymentStatus, Rule
from pumphouse.errors import (
    Conflict,
    Invalid,
    NotFound,
    NotSupported,
    PumphouseError,
    Unavailable,
)
from pumphouse.gateway.answers import json_answer
from pumphouse.gateway.asking import WAIT, is_asked_to_wait
from pumphouse.gateway.bodies import (
    ApiRequest,
    only_once,
    only_texts,
    read_body_as,
    read_fields,
)
from pumphouse.gateway.constants import Constants
from pumphouse.gateway.definitions import Definitions
from pumphouse.gateway.deployment_views import (
    EndpointToken,
    ListedDeployment,
    ShownDeployment,
    list_deployment,
    show_deployment,
)
from pumphouse.gateway.described import described, form
from pumphouse.gateway.inside import FOR_EXECUTIONS
from pumphouse.gateway.names import EndpointTokenText, check_endpoint_token
from pumphouse.gateway.orders import (
    DeploymentOrder,
    check_order,
    deployment_for,
    new_endpoint_token,
    with_token,
)
from pumphouse.gateway.parameters import DEPLOYMENT
from pumphouse.gateway.pipeline_views import DeletedDeployment
from pumphouse.gateway.revisions import DeploymentRevision, revised
from pumphouse.gateway.sharing import Shared
from pumphouse.gateway.triggers import check_ready
from pumphouse.sealing import Sealer
from pumphouse.storage.keys import deployment_prefix

_UNSETTLED = (DeploymentStatus.PENDING, DeploymentStatus.RETRYING)


_TAG = "Deployments"


class TokenWish(msgspec.Struct, frozen=True):
    """endpoint_token: a new one is made up where there is none."""

    endpoint_token: EndpointTokenText | msgspec.UnsetType = msgspec.UNSET


@dataclass(frozen=True)
class DeploymentRoutes(Shared):
    definitions: Definitions
    sealer: Sealer
    constants: Constants

    def routes(self) -> list[HTTPRouteHandler]:
        """Routes below /api/v1 for users."""
        one = "/deployments/{name:str}"
        return [
            post("/endpoints")(self.create_endpoint),
            post("/periodic-deployment")(self.create_periodic),
            post("/endpoints/{name:str}/generate-new-token")(self.renew_token),
            get("/deployments", opt=FOR_EXECUTIONS)(self.show_all),
            get(one, opt=FOR_EXECUTIONS)(self.show),
            patch(one)(self.update),
            delete(one, status_code=HTTPStatus.OK)(self.delete),
        ]

    @described(
        "create_endpoint",
        "Serve a pipeline behind an endpoint",
        tag=_TAG,
        body=DeploymentOrder,
        answers={HTTPStatus.CREATED: ShownDeployment},
        refusals=(NotFound, Conflict, NotSupported),
    )
    async def create_endpoint(self, request: ApiRequest) -> Response[bytes]:
        return await self._create(request, Rule.ENDPOINT)

    @described(
        "create_periodic_deployment",
        "Run a pipeline on a schedule",
        tag=_TAG,
        body=DeploymentOrder,
        answers={HTTPStatus.CREATED: ShownDeployment},
        refusals=(NotFound, Conflict, NotSupported),
    )
    async def create_periodic(self, request: ApiRequest) -> Response[bytes]:
        return await self._create(request, Rule.PERIODIC)

    @described(
        "list_deployments",
        "List all deployments",
        tag=_TAG,
        answers=list[ListedDeployment],
    )
    async def show_all(self) -> Response[bytes]:
        catalog = self.definitions.catalog
        await catalog.refresh()
        deployments = sorted(catalog.deployments.values(), key=lambda d: d.created_at)
        return json_answer(
            [
                list_deployment(deployment, catalog.pipelines[deployment.pipeline_id])
                for deployment in deployments
                if deployment.pipeline_id in catalog.pipelines
            ]
        )

    @described(
        "get_deployment",
        "Show a deployment",
        tag=_TAG,
        path=DEPLOYMENT,
        query=(WAIT,),
        answers=ShownDeployment,
    )
    async def show(self, name: FromPath[str], request: ApiRequest) -> Response[bytes]:
        deployment, pipeline = await self.definitions.deployment(name)
        if is_asked_to_wait(request):
            deployment = await self._settled(deployment)
        if request.auth is not None:
            deployment = msgspec.structs.replace(deployment, endpoint_token=None)
        return await self._answer(deployment, pipeline)

    @described(
        "update_deployment",
        "Change one property of a deployment",
        tag=_TAG,
        path=DEPLOYMENT,
        body=DeploymentRevision,
        answers=ShownDeployment,
        refusals=(Conflict,),
    )
    async def update(self, name: FromPath[str], request: ApiRequest) -> Response[bytes]:
        revision = await read_body_as(DeploymentRevision, request)
        revision.check()
        deployment, pipeline = await self.definitions.deployment(name)
        wished = await self._with_large_constants_away(revised(deployment, pipeline, revision))
        current = await self._revise(deployment, wished, request.user)
        return await self._answer(current, pipeline)

    @described(
        "delete_deployment",
        "Delete a deployment and its executions",
        tag=_TAG,
        path=DEPLOYMENT,
        answers=DeletedDeployment,
    )
    async def delete(self, name: FromPath[str]) -> Response[bytes]:
        deployment, _ = await self.definitions.deployment(name)
        await self.definitions.change(DeploymentDiscarded(deployment_id=deployment.id))
        return json_answer(DeletedDeployment(deployment.name, deployment.rule))

    @described(
        "generate_new_endpoint_token",
        "Replace the token of an endpoint",
        tag=_TAG,
        path=DEPLOYMENT,
        body=form(TokenWish),
        is_body_required=False,
        answers=EndpointToken,
        refusals=(Conflict,),
    )
    async def renew_token(self, name: FromPath[str], request: ApiRequest) -> Response[bytes]:
        deployment, _ = await self.definitions.deployment(name)
        if deployment.rule is not Rule.ENDPOINT:
            raise Invalid(f"Deployment {name!r} is {deployment.rule}: it has no endpoint token.")
        fields = only_texts(await read_fields(request)) if await request.body() else []
        token = only_once(fields).get("endpoint_token")
        if token is None:
            token = new_endpoint_token()
        check_endpoint_token(token)
        await self._revise(deployment, with_token(deployment, token, self.sealer), request.user)
        return json_answer(EndpointToken(token))

    async def _create(self, request: ApiRequest, rule: Rule) -> Response[bytes]:
        order = await read_body_as(DeploymentOrder, request)
        check_order(order, rule)
        pipeline = await self.definitions.pipeline(order.pipeline_name)
        check_ready(pipeline)
        deployment = deployment_for(
            order, rule, pipeline, self.sealer, request.user, datetime.now(UTC)
        )
        await self._submit(await self._with_large_constants_away(deployment))
        stored = self.definitions.catalog.deployments.get(deployment.id, deployment)
        whole = msgspec.structs.replace(stored, mapping=deployment.mapping)
        return await self._answer(whole, pipeline, HTTPStatus.CREATED)

    async def _submit(self, deployment: Deployment) -> None:
        try:
            await self.definitions.change(DeploymentSubmitted(deployment=deployment))
        except Unavailable:
            raise  # the registry may have stored the deployment, which needs its constants then
        except PumphouseError:
            await self.constants.forget(deployment.mapping)
            raise

    async def _with_large_constants_away(self, deployment: Deployment) -> Deployment:
        prefix = deployment_prefix(deployment.pipeline_id, deployment.id)
        mapping = await self.constants.put_away(deployment.mapping, prefix)
        return msgspec.structs.replace(deployment, mapping=mapping)

    async def _revise(
        self, deployment: Deployment, revised: Deployment, user_id: str
    ) -> Deployment:
        stamped = msgspec.structs.replace(revised, updated_at=datetime.now(UTC), updated_by=user_id)
        try:
            await self.definitions.change(
                DeploymentRevised(deployment=stamped, base=deployment.updated_at)
            )
        except NotFound:
            await self.constants.forget(stamped.mapping)
            raise
        return self.definitions.catalog.deployments.get(deployment.id, stamped)

    async def _settled(self, deployment: Deployment) -> Deployment:
        catalog = self.definitions.catalog

        def is_settled() -> bool:
            current = catalog.deployments.get(deployment.id)
            return current is None or current.status not in _UNSETTLED

        await self.definitions.hold_until(is_settled)
        return catalog.deployment(deployment.name)

    async def _answer(
        self, deployment: Deployment, pipeline: Pipeline, status: HTTPStatus = HTTPStatus.OK
    ) -> Response[bytes]:
        mapping = await self.constants.brought_back(deployment.mapping)
        whole = msgspec.structs.replace(deployment, mapping=mapping)
        return json_answer(show_deployment(whole, pipeline, self.sealer.open), status)
