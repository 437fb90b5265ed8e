"""Users, variables, errors and the life of the server over HTTP."""

import asyncio
import socket
from importlib.metadata import version
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pumphouse.bus import Bus
from pumphouse.errors import Invalid, Unavailable
from pumphouse.gateway.app import running
from pumphouse.storage import open_storage
from tests.integration.gateway.conftest import Gateway, serving_gateway, settings_with
from tests.integration.gateway.platform import USER, rest_of_platform

pytestmark = pytest.mark.asyncio(loop_scope="session")

VARIABLES = "/api/v1/environment-variables"

A_KEY = (
    Ed25519PrivateKey.generate()
    .private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    .decode()
)


async def test_a_user_is_known_by_token_and_by_id(gateway: Gateway) -> None:
    me = await gateway.http.get("/api/v1/users/me")

    assert me.json() == {"id": USER.id, "name": "Ada", "email": "ada@example.org"}
    assert (await gateway.http.get(f"/api/v1/users/{USER.id}")).json() == me.json()
    for unknown in ("00000000-0000-4000-8000-000000000000", "x", "%00", "\u00e9"):
        assert (await gateway.http.get(f"/api/v1/users/{unknown}")).status_code == 404


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"refresh_token": 3}', b'{"refresh_token": null}']
)
async def test_a_refresh_that_is_none_is_refused(gateway: Gateway, body: bytes) -> None:
    answer = await gateway.plain.post("/api/v1/auth/refresh", content=body)

    assert answer.status_code == 400


async def test_a_wrong_sdk_token_is_refused(gateway: Gateway) -> None:
    answer = await gateway.plain.post("/api/v1/auth/refresh", json={"refresh_token": "wrong"})

    assert answer.status_code == 401


@pytest.mark.parametrize(
    "authorization",
    [None, "Bearer", "Bearer x", "Bearer a.b.c", "Basic eDp5", "bearer \u00e9".encode()],
)
async def test_a_request_without_a_user_is_refused(
    gateway: Gateway, authorization: str | bytes | None
) -> None:
    headers: Any = {} if authorization is None else {"Authorization": authorization}

    answer = await gateway.plain.get("/api/v1/pipelines", headers=headers)

    assert answer.status_code == 401
    assert answer.json()["message"]


async def test_public_information_needs_no_user(gateway: Gateway) -> None:
    assert (await gateway.plain.get("/healthz")).json()["status"] == "ok"
    shown = (await gateway.plain.get("/api/v1/environment-info")).json()
    assert shown.keys() == {"environment_id", "version"}
    assert shown["version"] == version("pumphouse")


async def environment_id(gateway: Gateway) -> str:
    shown = (await gateway.plain.get("/api/v1/environment-info")).json()
    return str(shown["environment_id"])


async def test_an_installation_without_settings_has_no_defaults(gateway: Gateway) -> None:
    shown = (await gateway.http.get("/api/v1/project-information")).json()

    assert shown == dict.fromkeys(
        (
            "language",
            "repository_url",
            "repository_branch",
            "included_folders",
            "system_dependencies",
            "requirements_path",
            "dockerfile_path",
        )
    )


async def test_the_defaults_of_an_installation_are_shown_without_its_key(store_url: str) -> None:
    async with serving_gateway(
        store_url,
        project_language="python:3.11-slim",
        project_included_folders=("src",),
        project_repository_deploy_key=A_KEY,
    ) as gateway:
        answer = await gateway.http.get("/api/v1/project-information")

    assert answer.json()["language"] == "python:3.11-slim"
    assert answer.json()["included_folders"] == ["src"]
    assert "KEY" not in answer.text.upper()


async def test_a_gateway_refuses_to_start_on_a_default_that_no_pipeline_could_use(
    bus: Bus, store_url: str
) -> None:
    wrong = settings_with(store_url, project_language="ruby")
    with pytest.raises(Invalid, match="PUMPHOUSE_PROJECT_LANGUAGE"):
        async with running(wrong, bus):
            pass


async def test_without_a_vector_database_the_settings_for_one_are_named(gateway: Gateway) -> None:
    path = f"/api/v1/environments/{await environment_id(gateway)}/vector-database"
    answer = await gateway.http.get(path)

    assert answer.status_code == 404
    assert "PUMPHOUSE_VECTOR_DATABASE_URL" in answer.json()["message"]
    assert "PUMPHOUSE_VECTOR_DATABASE_TOKEN" in answer.json()["message"]


async def test_the_vector_database_is_shown_to_users_of_this_environment(store_url: str) -> None:
    async with serving_gateway(
        store_url, vector_database_url="https://vectors.test", vector_database_token="t"
    ) as gateway:
        path = f"/api/v1/environments/{await environment_id(gateway)}/vector-database"
        shown = await gateway.http.get(path)
        without_token = await gateway.plain.get(path)
        of_another = await gateway.http.get(f"/api/v1/environments/{USER.id}/vector-database")

    assert shown.json() == {
        "vector_database_url": "https://vectors.test",
        "vector_database_token": "t",
    }
    assert without_token.status_code == 401
    assert of_another.status_code == 404
    assert "PUMPHOUSE_" not in of_another.text


async def test_variables_are_set_listed_and_deleted(gateway: Gateway) -> None:
    given = {"A": "text", "B": 6, "C": True, "D": 2.5}
    assert (
        await gateway.http.put(VARIABLES, json={"environment_variables": given})
    ).status_code == 204
    await gateway.http.put(VARIABLES, json={"environment_variables": {"A": "another-text"}})

    listed = (await gateway.http.get(VARIABLES)).json()
    deleted = await gateway.http.delete(f"{VARIABLES}/A")

    assert {row["name"]: row["value"] for row in listed} == {
        "A": "another-text",
        "B": "6",
        "C": "true",
        "D": "2.5",
    }
    assert deleted.json() == {"name": "A", "value": "another-text"}
    assert (await gateway.http.delete(f"{VARIABLES}/A")).status_code == 404
    assert "another-text" not in str(gateway.registry.changes)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"environment_variables": []},
        {"environment_variables": {"A": None}},
        {"environment_variables": {"A": [1]}},
        {"environment_variables": {"": "x"}},
        {"environment_variables": {"1A": "x"}},
        {"environment_variables": {"A B": "x"}},
        {"environment_variables": {"A=B": "x"}},
        {"environment_variables": {"A\0": "x"}},
        {"environment_variables": {"A": "x\0"}},
        {"environment_variables": {"GOOD": "x", "A": "x" * 70_000}},
        {"environment_variables": {"CRAFT_AI_SDK_TOKEN": "x"}},
        {"environment_variables": {"PUMPHOUSE_SECRET_KEY": "x"}},
    ],
)
async def test_a_variable_that_cannot_be_is_refused(gateway: Gateway, body: Any) -> None:
    answer = await gateway.http.put(VARIABLES, json=body)

    assert answer.status_code == 400, answer.text
    assert (await gateway.http.get(VARIABLES)).json() == []


async def test_every_error_has_the_same_body(gateway: Gateway) -> None:
    for method, path, status in (
        ("GET", "/nowhere", 404),
        ("GET", "/api/v1/nowhere", 404),
        ("GET", "/%00%ff/%2e%2e", 404),
        ("TRACE", "/healthz", 405),
        ("DELETE", "/api/v1/pipelines", 405),
    ):
        answer = await gateway.http.request(method, path)
        assert answer.status_code == status, path
        body = answer.json()
        assert set(body) == {"name", "message", "request_id", "additional_data"}
        assert answer.headers["x-request-id"] == body["request_id"]


async def test_an_error_of_ours_shows_only_in_the_log(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.registry.refuses = ValueError("a secret detail")
    answer = await gateway.http.get("/api/v1/pipelines")

    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["request_id"] in caplog.text


async def test_a_client_that_leaves_early_is_no_error_of_ours(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    address = httpx.URL(gateway.url)
    _, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(b"POST /api/v1/auth/refresh HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
    await writer.drain()
    writer.close()
    await writer.wait_closed()

    assert (await gateway.plain.get("/healthz")).status_code == 200
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_health_needs_the_registry(gateway: Gateway) -> None:
    gateway.registry.refuses = Unavailable("The registry is away.")

    assert (await gateway.plain.get("/healthz")).status_code == 503


async def test_held_requests_are_released_when_the_gateway_stops(bus: Bus, store_url: str) -> None:
    goes_on = asyncio.Event()

    async def never(inputs: dict[str, Any]) -> dict[str, Any]:
        await goes_on.wait()
        return {"sum": 1}

    held = settings_with(store_url, hold_s=50)
    async with (
        rest_of_platform(bus) as (registry, executor),
        open_storage(store_url) as storage,
        httpx.AsyncClient() as http,
    ):
        executor.function = never
        async with running(held, bus) as served:
            http.base_url = served.url
            gateway = Gateway(served.url, http, http, registry, executor, storage)
            await gateway.sign_in()
            deployment = await gateway.endpoint()
            called = asyncio.create_task(gateway.call(deployment, json={"a": 1}, timeout=60))
            async with asyncio.timeout(30):
                await registry.accepted.wait()
        answer = await called
        goes_on.set()

    assert answer.status_code == 303
    assert answer.headers["location"]


async def test_a_taken_port_is_named(bus: Bus, store_url: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Unavailable, match=str(port)):
            async with running(settings_with(store_url, port=port), bus):
                pass
