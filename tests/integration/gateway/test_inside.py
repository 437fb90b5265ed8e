"""User code that calls from inside an execution: the gateway and the registry, on one bus."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import jwt
import pytest
import pytest_asyncio

from pumphouse.bus import Bus, open_bus
from pumphouse.contracts.catalog import Deployment, Pipeline
from pumphouse.contracts.definitions import (
    DeploymentDiscarded,
    DeploymentSubmitted,
    PipelineSubmitted,
)
from pumphouse.contracts.executions import TriggerAccepted
from pumphouse.contracts.records import ExecutionDiscarded
from pumphouse.contracts.vocabulary import Mode
from pumphouse.gateway import app, unfinished
from pumphouse.registry.app import running
from pumphouse.sealing import Sealer
from pumphouse.sealing.tokens import Scope, ScopedTokens, ScopeKind, execution_tokens
from tests.integration.gateway.conftest import settings_with
from tests.integration.registry import things
from tests.servers.postgres import fresh_database

SEALER = Sealer("0123456789abcdef0123456789abcdef")
REFRESH = "/api/v1/auth/refresh"


@dataclass(frozen=True)
class Served:
    """A gateway with a registry behind it. http: without credentials. user: signed in."""

    url: str
    bus: Bus
    http: httpx.AsyncClient
    user: httpx.AsyncClient
    user_id: str

    async def define(self, **other: Any) -> tuple[Pipeline, Deployment]:
        """A pipeline of a new name, and a low latency deployment of the same name."""
        pipeline = things.pipeline(f"p-{things.new_id()}")
        token = {
            "endpoint_token": SEALER.seal("endpoint-token"),
            "endpoint_token_fingerprint": SEALER.fingerprint("endpoint-token"),
        }
        given = {"mode": Mode.LOW_LATENCY, "created_by": self.user_id, **token, **other}
        deployment = things.deployment(pipeline, pipeline.name, **given)
        await self.bus.request(PipelineSubmitted(pipeline=pipeline))
        await self.bus.request(DeploymentSubmitted(deployment=deployment))
        return pipeline, deployment

    async def begin(self, of: Pipeline, **other: Any) -> TriggerAccepted:
        trigger = things.trigger(of, **{"accepted_by": self.user_id, **other})
        await self.bus.publish(trigger)
        return trigger

    async def refreshed(self, token: str) -> httpx.Response:
        return await self.http.post(REFRESH, json={"refresh_token": token})

    @asynccontextmanager
    async def inside(self, scope: Scope) -> AsyncIterator[httpx.AsyncClient]:
        """A client as the user code has it."""
        reply = await self.refreshed(execution_tokens(SEALER).issue(scope))
        assert reply.status_code == 200, reply.text
        header = {"Authorization": f"Bearer {reply.json()['access_token']}"}
        async with httpx.AsyncClient(base_url=self.url, headers=header, timeout=60) as client:
            yield client


def of_execution(execution: TriggerAccepted) -> Scope:
    return Scope(ScopeKind.EXECUTION, execution.execution_id)


def of_pod(deployment: Deployment) -> Scope:
    return Scope(ScopeKind.DEPLOYMENT, deployment.id)


async def record(client: httpx.AsyncClient, execution_id: str) -> httpx.Response:
    body = {"value": 1, "execution_id": execution_id}
    return await client.put("/api/v1/metrics/single-value/m", json=body)


async def extend(client: httpx.AsyncClient, execution_id: str) -> httpx.Response:
    body = {"values": [1, 2], "execution_id": execution_id}
    return await client.post("/api/v1/metrics/list-values/m", json=body)


@pytest.fixture(scope="module")
def database_url(postgres_url: str) -> Iterator[str]:
    with fresh_database(postgres_url) as url:
        yield url


@asynccontextmanager
async def serving(database_url: str, store_url: str, **settings: Any) -> AsyncIterator[Served]:
    registry = things.settings(database_url, store_url)
    async with (
        open_bus(None, "tests") as bus,
        running(registry, bus),
        app.running(settings_with(store_url, **settings), bus) as listening,
        httpx.AsyncClient(base_url=listening.url, timeout=60) as http,
        httpx.AsyncClient(base_url=listening.url, timeout=60) as user,
    ):
        reply = await http.post(REFRESH, json={"refresh_token": registry.admin_token})
        user.headers["Authorization"] = f"Bearer {reply.json()['access_token']}"
        user_id = (await user.get("/api/v1/users/me")).json()["id"]
        yield Served(listening.url, bus, http, user, user_id)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def served(database_url: str, store_url: str) -> AsyncIterator[Served]:
    async with serving(database_url, store_url) as serving_one:
        yield serving_one


pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(autouse=True)
def looks_are_frequent(monkeypatch: pytest.MonkeyPatch) -> None:
    """An end is known after moments."""
    monkeypatch.setattr(unfinished, "LOOK_EVERY_S", 0.2)


async def test_an_access_token_of_an_execution_lives_long_enough_for_the_official_client(
    served: Served,
) -> None:
    pipeline, _ = await served.define()
    execution = await served.begin(pipeline)
    reply = await served.refreshed(execution_tokens(SEALER).issue(of_execution(execution)))
    claims = jwt.decode(reply.json()["access_token"], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 600


@pytest.mark.parametrize("is_pod", [False, True])
async def test_an_execution_calls_in_the_name_of_the_user_it_is_recorded_for(
    served: Served, is_pod: bool
) -> None:
    pipeline, deployment = await served.define()
    scope = of_pod(deployment) if is_pod else of_execution(await served.begin(pipeline))
    async with served.inside(scope) as client:
        assert (await client.get("/api/v1/users/me")).json()["id"] == served.user_id


async def test_an_execution_uses_the_data_store(served: Served) -> None:
    pipeline, _ = await served.define()
    execution = await served.begin(pipeline)
    async with served.inside(of_execution(execution)) as client:
        where = {"path_to_object": f"{execution.execution_id}/a"}
        form = (await client.get("/api/v1/data-store/upload", params=where)).json()
        sent = await served.http.post(
            form["signed_url"], data=form["fields"], files={"file": b"content"}
        )
        assert sent.is_success
        found = await client.post("/api/v1/data-store/information", json=where)
        assert found.json()["size"] == 7
        folder = {"folder_path": execution.execution_id}
        listed = (await client.get("/api/v1/data-store/list", params=folder)).json()
        assert [item["path"] for item in listed["items"]] == [where["path_to_object"]]
        link = (await client.post("/api/v1/data-store/download", data=where)).json()
        assert (await served.http.get(link["signed_url"])).content == b"content"
        parts = "/api/v1/data-store/upload/multipart"
        begun = await client.post(parts, json=where)
        announced = {
            **where,
            "multipart_upload_configuration": begun.json(),
            "chunk_size": 5 * 1024 * 1024,
            "part_number": 1,
            "size": 3,
        }
        part = (await client.post(f"{parts}/part", json=announced)).json()
        put = await served.http.put(part["signed_url"], content=b"new")
        end = {
            **where,
            "multipart_upload_configuration": begun.json(),
            "parts": [{"number": 1, "metadata": put.headers["ETag"]}],
        }
        assert (await client.post(f"{parts}/end", json=end)).status_code == 200
        deleted = await client.request("DELETE", "/api/v1/data-store/delete", data=where)
        assert deleted.json()["path"] == where["path_to_object"]


async def test_an_execution_uses_environment_variables(served: Served) -> None:
    pipeline, _ = await served.define()
    async with served.inside(of_execution(await served.begin(pipeline))) as client:
        body = {"environment_variables": {"LAST_METRIC": 3}}
        assert (await client.put("/api/v1/environment-variables", json=body)).is_success
        listed = await client.get("/api/v1/environment-variables")
        assert {"name": "LAST_METRIC", "value": "3"} in listed.json()
        gone = await client.delete("/api/v1/environment-variables/LAST_METRIC")
        assert gone.json() == {"name": "LAST_METRIC", "value": "3"}
        for reserved in ("CRAFT_AI_SDK_TOKEN", "PUMPHOUSE_TOKEN"):
            taken = {"environment_variables": {reserved: "mine"}}
            refused = await client.put("/api/v1/environment-variables", json=taken)
            assert (refused.status_code, reserved in refused.text) == (400, True)


async def test_an_execution_reads_pipelines_and_deployments_but_no_endpoint_token(
    served: Served,
) -> None:
    pipeline, deployment = await served.define()
    seen_outside = (await served.user.get(f"/api/v1/deployments/{deployment.name}")).json()
    assert seen_outside["endpoint_token"] == "endpoint-token"
    async with served.inside(of_execution(await served.begin(pipeline))) as client:
        for kind in ("pipelines", "deployments"):
            one = f"/api/v1/{kind}/{pipeline.name}"
            for path in (f"/api/v1/{kind}", one, f"{one}/executions/latest"):
                reply = await client.get(path)
                assert reply.status_code == 200, path
                assert "endpoint-token" not in reply.text
        seen = (await client.get(f"/api/v1/deployments/{deployment.name}")).json()
    assert seen == {**seen_outside, "endpoint_token": None}


async def test_an_execution_records_metrics_of_its_own_alone(served: Served) -> None:
    pipeline, deployment = await served.define()
    own = await served.begin(pipeline)
    other = await served.begin(pipeline)
    of_the_pod = await served.begin(pipeline, deployment_id=deployment.id)
    async with served.inside(of_execution(own)) as client:
        for send in (record, extend):
            assert (await send(client, own.execution_id)).status_code == 204
            for foreign in (other, of_the_pod):
                refused = await send(client, foreign.execution_id)
                assert refused.status_code == 403
                assert foreign.execution_id in refused.json()["message"]
        one = {"filters[pipeline_name]": pipeline.name}
        for kind in ("single-value", "list-values"):
            shown = await client.get(f"/api/v1/metrics/{kind}", params=one)
            assert shown.json()["total_count"] == 1
    assert (await record(served.user, other.execution_id)).status_code == 204


async def test_a_pod_records_metrics_of_any_execution_of_its_deployment_that_runs(
    served: Served,
) -> None:
    pipeline, deployment = await served.define()
    _, stranger = await served.define()
    first, second = [await served.begin(pipeline, deployment_id=deployment.id) for _ in "12"]
    run = await served.begin(pipeline)
    foreign = await served.begin(pipeline, deployment_id=stranger.id)
    ended = await served.begin(pipeline, deployment_id=deployment.id)
    await served.bus.publish(things.finished(ended))
    async with served.inside(of_pod(deployment)) as client:
        for execution in (first, second):
            assert (await record(client, execution.execution_id)).status_code == 204
        for execution in (run, foreign, ended):
            assert (await record(client, execution.execution_id)).status_code == 403
        assert (await record(client, things.new_id())).status_code == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/pipelines"),
        ("DELETE", "/pipelines/x"),
        ("POST", "/pipelines/x/run"),
        ("GET", "/pipelines/x/download"),
        ("GET", "/pipelines/x/executions"),
        ("POST", "/endpoints"),
        ("POST", "/periodic-deployment"),
        ("POST", "/endpoints/x/generate-new-token"),
        ("PATCH", "/deployments/x"),
        ("DELETE", "/deployments/x"),
        ("POST", "/deployments/x/executions"),
        ("GET", "/executions/x"),
        ("DELETE", "/executions/x"),
        ("GET", "/executions/x/outputs"),
        ("POST", "/executions/x/logs"),
        ("GET", "/users/x"),
        ("GET", "/resource-metrics"),
        ("GET", "/workers"),
    ],
)
async def test_the_rest_is_refused_and_the_refusal_says_what_to_do(
    served: Served, method: str, path: str
) -> None:
    _, deployment = await served.define()
    async with served.inside(of_pod(deployment)) as client:
        refused = await client.request(method, f"/api/v1{path}")
    assert refused.status_code == 403
    message = refused.json()["message"]
    assert message.startswith(f"{method} /api/v1{path} cannot be called from inside an execution.")
    assert "with the token of the endpoint" in message


async def test_a_token_is_of_no_use_once_its_execution_has_ended(served: Served) -> None:
    pipeline, _ = await served.define()
    execution = await served.begin(pipeline)
    token = execution_tokens(SEALER).issue(of_execution(execution))
    async with served.inside(of_execution(execution)) as client:
        assert (await client.get("/api/v1/pipelines")).status_code == 200
        await served.bus.publish(things.finished(execution))

        async def is_refused() -> bool:
            return (await client.get("/api/v1/pipelines")).status_code == 401

        await things.eventually(is_refused)
        assert (await record(client, execution.execution_id)).status_code == 401
    refused = await served.refreshed(token)
    assert refused.status_code == 401
    assert "is over" in refused.json()["message"]


async def test_a_token_goes_with_the_record_of_its_execution(served: Served) -> None:
    pipeline, _ = await served.define()
    execution = await served.begin(pipeline)
    await served.bus.request(ExecutionDiscarded(execution_id=execution.execution_id))
    reply = await served.refreshed(execution_tokens(SEALER).issue(of_execution(execution)))
    assert reply.status_code == 401


async def test_the_token_of_a_pod_goes_with_its_deployment(served: Served) -> None:
    _, deployment = await served.define()
    async with served.inside(of_pod(deployment)) as client:
        await served.bus.request(DeploymentDiscarded(deployment_id=deployment.id))

        async def is_refused() -> bool:
            return (await client.get("/api/v1/pipelines")).status_code == 401

        await things.eventually(is_refused)
    refused = await served.refreshed(execution_tokens(SEALER).issue(of_pod(deployment)))
    assert (refused.status_code, "gone" in refused.text) == (401, True)


async def test_the_token_of_a_disabled_pod_is_good_until_its_last_execution_ends(
    served: Served,
) -> None:
    pipeline, deployment = await served.define()
    execution = await served.begin(pipeline, deployment_id=deployment.id)
    disable = {"is_enabled": False}
    revised = await served.user.patch(f"/api/v1/deployments/{deployment.name}", json=disable)
    assert revised.status_code == 200, revised.text
    async with served.inside(of_pod(deployment)) as client:
        assert (await record(client, execution.execution_id)).status_code == 204
        await served.bus.publish(things.finished(execution))

        async def is_refused() -> bool:
            return (await client.get("/api/v1/pipelines")).status_code == 401

        await things.eventually(is_refused)
    refused = await served.refreshed(execution_tokens(SEALER).issue(of_pod(deployment)))
    assert (refused.status_code, "disabled" in refused.text) == (401, True)


async def test_an_execution_that_is_not_recorded_yet_is_waited_for(served: Served) -> None:
    pipeline, _ = await served.define()
    trigger = things.trigger(pipeline, accepted_by=served.user_id)
    token = execution_tokens(SEALER).issue(of_execution(trigger))
    asking = asyncio.create_task(served.refreshed(token))
    await asyncio.wait([asking], timeout=0.2)
    assert not asking.done()
    await served.bus.publish(trigger)
    assert (await asking).status_code == 200


async def test_tokens_that_nobody_signed_are_refused(served: Served) -> None:
    pipeline, _ = await served.define()
    execution = await served.begin(pipeline)
    scope = of_execution(execution)
    foreign = execution_tokens(Sealer("another secret of 32 characters!!")).issue(scope)
    unsigned = jwt.encode({"sub": str(scope)}, "", algorithm="none")
    for token in (foreign, unsigned, str(scope), execution.execution_id):
        assert (await served.refreshed(token)).status_code == 401
    token = execution_tokens(SEALER).issue(scope)
    for bearer in (token, foreign):
        header = {"Authorization": f"Bearer {bearer}"}
        reply = await served.http.get("/api/v1/pipelines", headers=header)
        assert reply.status_code == 401
    access = (await served.refreshed(token)).json()["access_token"]
    assert (await served.refreshed(access)).status_code == 401


async def test_an_old_access_token_is_refused_though_the_execution_goes_on(
    served: Served,
) -> None:
    _, deployment = await served.define()
    for life_s, status in ((60, 200), (-1, 401)):
        tokens = ScopedTokens(SEALER, "execution-access-token", life_s)
        header = {"Authorization": f"Bearer {tokens.issue(of_pod(deployment))}"}
        reply = await served.http.get("/api/v1/pipelines", headers=header)
        assert reply.status_code == status


async def test_links_lead_executions_to_the_store_that_is_public_for_clients_alone(
    database_url: str, store_url: str
) -> None:
    elsewhere = store_url.replace("127.0.0.1", "0.0.0.0")
    public = "https://files.example.org"
    async with serving(database_url, elsewhere, s3_public_url=public) as served:
        pipeline, _ = await served.define()
        where = {"path_to_object": "inside/a"}
        outer = await served.user.get("/api/v1/data-store/upload", params=where)
        assert outer.json()["signed_url"].startswith(public)
        async with served.inside(of_execution(await served.begin(pipeline))) as client:
            form = (await client.get("/api/v1/data-store/upload", params=where)).json()
            sent = await served.http.post(
                form["signed_url"], data=form["fields"], files={"file": b"content"}
            )
            assert sent.is_success, form["signed_url"]
            link = (await client.post("/api/v1/data-store/download", data=where)).json()
            assert (await served.http.get(link["signed_url"])).content == b"content"
