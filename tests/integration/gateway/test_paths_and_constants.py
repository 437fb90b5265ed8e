"""Paths of the data store and large constants in the mappings of deployments."""

from typing import Any

import httpx
import pytest

from pumphouse.storage.keys import deployment_prefix
from tests.integration.gateway.conftest import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILES = {
    "inputs[0][name]": "doc",
    "inputs[0][data_type]": "file",
    "inputs[1][name]": "spare",
    "inputs[1][data_type]": "file",
    "outputs[0][name]": "upper",
    "outputs[0][data_type]": "file",
}
READ = {"pipeline_input_name": "doc", "datastore_path": "/in/doc.txt"}
ABSENT = {"pipeline_input_name": "spare", "is_null": True}
WRITTEN = {"pipeline_output_name": "upper", "datastore_path": "out/{date}/{execution_id}"}


async def files_endpoint(gateway: Gateway, **fields: Any) -> httpx.Response:
    created = await gateway.pipeline("files", **FILES)
    assert created.status_code == 201, created.text
    body = {"name": "files", "pipeline_name": "files", **fields}
    return await gateway.http.post("/api/v1/endpoints", json=body)


async def test_paths_of_the_data_store_change_and_the_rest_stays(gateway: Gateway) -> None:
    created = await files_endpoint(
        gateway, inputs_mapping=[READ, ABSENT], outputs_mapping=[WRITTEN]
    )
    assert created.status_code == 201, created.text
    path = "/api/v1/deployments/files"

    moved = await gateway.http.patch(
        path, json={"inputs_mapping": [READ | {"datastore_path": "in/new.txt"}]}
    )
    renamed = await gateway.http.patch(
        path, json={"outputs_mapping": [WRITTEN | {"datastore_path": "/new/{date_time}"}]}
    )

    assert moved.status_code == renamed.status_code == 200, moved.text + renamed.text
    assert [item.get("datastore_path") for item in created.json()["inputs_mapping"]] == [
        "in/doc.txt",
        None,
    ]
    assert [item.get("datastore_path") for item in renamed.json()["inputs_mapping"]] == [
        "in/new.txt",
        None,
    ]
    assert renamed.json()["outputs_mapping"][0]["datastore_path"] == "new/{date_time}"
    assert (await gateway.http.get(path)).json() == renamed.json()


@pytest.mark.parametrize("path", ["", "a//b", "../a", "a/", "nul\0", "x" * 1025])
async def test_a_path_that_cannot_be_changes_nothing(gateway: Gateway, path: str) -> None:
    before = await files_endpoint(gateway, inputs_mapping=[READ, ABSENT], outputs_mapping=[WRITTEN])

    for body in (
        {"inputs_mapping": [READ | {"datastore_path": path}]},
        {"outputs_mapping": [WRITTEN | {"datastore_path": path}]},
        {"outputs_mapping": [WRITTEN | {"datastore_path": "out/{user}"}]},
    ):
        answer = await gateway.http.patch("/api/v1/deployments/files", json=body)
        assert answer.status_code == 400, answer.text
        named = next(iter(body.values()))[0]
        assert named.get("pipeline_input_name", "upper") in answer.json()["message"]
    assert (await gateway.http.get("/api/v1/deployments/files")).json() == before.json()


async def test_an_endpoint_takes_one_file_per_call(gateway: Gateway) -> None:
    refused = await files_endpoint(gateway)
    shared = {"pipeline_input_name": "spare", "endpoint_input_name": "doc"}
    body = {"name": "files", "pipeline_name": "files", "inputs_mapping": [shared]}
    accepted = await gateway.http.post("/api/v1/endpoints", json=body)

    assert refused.status_code == 400
    assert "'doc', 'spare'" in refused.json()["message"]
    assert "one file" in refused.json()["message"]
    assert accepted.status_code == 201, accepted.text


TEXTS = {"inputs[0][data_type]": "string", "inputs[1][data_type]": "string"}
LARGE = "é" * 40_000


def constants(a: Any, b: Any) -> list[dict[str, Any]]:
    return [
        {"pipeline_input_name": "a", "constant_value": a},
        {"pipeline_input_name": "b", "constant_value": b},
    ]


async def test_large_constants_are_kept_in_the_store_and_shown_whole(gateway: Gateway) -> None:
    await gateway.pipeline(**TEXTS)
    archive = await gateway.stored()
    body = {"name": "add", "pipeline_name": "add", "inputs_mapping": constants(LARGE, "small")}
    created = await gateway.http.post("/api/v1/endpoints", json=body)
    deployment = gateway.registry.alive("deployment")[0]
    first = deployment.mapping.inputs[0].source.reference
    changed = await gateway.http.patch(
        "/api/v1/deployments/add", json={"inputs_mapping": constants("a" * 90_000, "b" * 80_000)}
    )

    assert created.status_code == 201, created.text
    assert created.json()["inputs_mapping"][0]["constant_value"] == LARGE
    assert created.json()["inputs_mapping"][1]["constant_value"] == "small"
    assert first.size == 80_002
    assert deployment.mapping.inputs[1].source.value == "small"
    prefix = deployment_prefix(deployment.pipeline_id, deployment.id)
    kept = [key for key in await gateway.stored() if key not in archive]
    assert len(kept) == 3
    assert all(key.startswith(prefix) for key in kept)
    assert changed.status_code == 200, changed.text
    shown = (await gateway.http.get("/api/v1/deployments/add")).json()
    assert shown == changed.json()
    assert [item["constant_value"] for item in shown["inputs_mapping"]] == [
        "a" * 90_000,
        "b" * 80_000,
    ]


async def test_a_refused_deployment_leaves_no_constant_behind(gateway: Gateway) -> None:
    await gateway.pipeline(**TEXTS)
    body = {"name": "add", "pipeline_name": "add"}
    await gateway.http.post("/api/v1/endpoints", json=body)
    before = await gateway.stored()

    taken = await gateway.http.post(
        "/api/v1/endpoints", json=body | {"inputs_mapping": constants(LARGE, LARGE)}
    )
    ill_typed = await gateway.http.post(
        "/api/v1/endpoints",
        json=body | {"name": "wrong", "inputs_mapping": constants(LARGE, [LARGE])},
    )

    assert taken.status_code == 409
    assert ill_typed.status_code == 400
    assert await gateway.stored() == before


async def test_defaults_of_endpoint_inputs_that_are_too_large_are_refused(gateway: Gateway) -> None:
    await gateway.pipeline(**TEXTS)
    default = {"pipeline_input_name": "a", "endpoint_input_name": "a", "default_value": LARGE}
    body = {"name": "add", "pipeline_name": "add", "inputs_mapping": [default]}

    answer = await gateway.http.post("/api/v1/endpoints", json=body)

    assert answer.status_code == 413, answer.text
    assert "'a'" in answer.json()["message"]
