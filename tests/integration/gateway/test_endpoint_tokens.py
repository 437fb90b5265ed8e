"""Tokens of endpoints: chosen, made up, and replaced."""

import re
from typing import Any

import pytest

from tests.integration.gateway.conftest import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="session")

RENEW = "/api/v1/endpoints/add/generate-new-token"


async def test_a_made_up_token_can_stand_in_an_address_as_it_is(gateway: Gateway) -> None:
    deployment = await gateway.endpoint()
    renewed = await gateway.http.post(RENEW)

    for token in (deployment["endpoint_token"], renewed.json()["endpoint_token"]):
        assert re.fullmatch(r"[A-Za-z0-9_-]{32,}", token)


async def test_two_endpoints_have_tokens_of_their_own(gateway: Gateway) -> None:
    one, two = await gateway.endpoint("one"), await gateway.endpoint("two")

    crossed = two | {"endpoint_token": one["endpoint_token"]}
    assert (await gateway.call(crossed, json={"a": 1})).status_code == 401


@pytest.mark.parametrize("body", [{"endpoint_token": "chosen-token"}, None])
async def test_an_old_token_opens_no_result_either(gateway: Gateway, body: Any) -> None:
    deployment = await gateway.endpoint()
    called = await gateway.call(deployment, json={"a": 1})
    execution_id = called.json()["execution_id"]
    pages = [f"/endpoints/{version}add/executions/{execution_id}" for version in ("", "v1/")]
    old = {"token": deployment["endpoint_token"]}
    for page in pages:
        assert (await gateway.plain.get(page, params=old)).status_code == 200

    renewed = await gateway.http.post(RENEW, data=body)

    new = {"token": renewed.json()["endpoint_token"]}
    for page in pages:
        assert (await gateway.plain.get(page, params=old)).status_code == 401
        assert (await gateway.plain.get(page, params=new)).status_code == 200
    shown = (await gateway.http.get("/api/v1/deployments/add")).json()
    assert shown["endpoint_token"] == new["token"]


@pytest.mark.parametrize("token", ["", "short", "with space", "a/b/c/d/e/f", "é" * 9, "t" * 256])
async def test_a_token_that_an_address_cannot_hold_is_refused(gateway: Gateway, token: str) -> None:
    deployment = await gateway.endpoint()
    body = {"name": "other", "pipeline_name": "add", "endpoint_token": token}

    refused = [
        await gateway.http.post(RENEW, data={"endpoint_token": token}),
        await gateway.http.post("/api/v1/endpoints", json=body),
    ]

    for answer in refused:
        assert answer.status_code == 400
        assert "endpoint_token" in answer.json()["message"]
    assert (await gateway.call(deployment, json={"a": 1})).status_code == 200


async def test_a_periodic_deployment_has_no_token_to_replace(gateway: Gateway) -> None:
    await gateway.pipeline()
    periodic = {
        "name": "add",
        "pipeline_name": "add",
        "schedule": "0 0 1 1 *",
        "inputs_mapping": [
            {"pipeline_input_name": "a", "constant_value": 1},
            {"pipeline_input_name": "b", "is_null": True},
        ],
        "outputs_mapping": [{"pipeline_output_name": "sum", "is_null": True}],
    }
    created = await gateway.http.post("/api/v1/periodic-deployment", json=periodic)
    assert created.status_code == 201, created.text

    answer = await gateway.http.post(RENEW)

    assert answer.status_code == 400
    assert "no endpoint token" in answer.json()["message"]
