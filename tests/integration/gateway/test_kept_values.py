"""Values that are too large to travel, in every answer that shows them."""

import json
from typing import Any

import httpx
import pytest

from pumphouse.contracts.mappings import Constant
from pumphouse.errors import Conflict
from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.executing import Kept
from tests.integration.gateway.filing import kept_files, outputs_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

LARGE = {"rows": [[1, 2.5, "é✓", None, 10**30]] * 5000}
JSON = {"inputs[0][data_type]": "json", "outputs[0][data_type]": "json"}


async def kept(inputs: dict[str, Any]) -> dict[str, Any]:
    return {"sum": Kept(inputs["a"])}


async def constant_run(gateway: Gateway, constant: Any, **fields: str) -> httpx.Response:
    await gateway.pipeline(**JSON)
    gateway.executor.function = kept
    mapping = [{"pipeline_input_name": "a", "constant_value": constant}]
    form = {"json_inputs": "{}", "inputs_mapping": json.dumps(mapping)}
    return await gateway.http.post("/api/v1/pipelines/add/run", data=form | fields)


async def test_a_large_output_of_a_run_is_shown_wherever_a_small_one_is(gateway: Gateway) -> None:
    started = await constant_run(gateway, LARGE)
    identifier = started.json()["execution_id"]
    path = f"/api/v1/executions/{identifier}"

    outputs = (await outputs_of(gateway, identifier)).json()["outputs"]
    shown = (await gateway.http.get(path)).json()

    assert outputs[0]["value"] == LARGE
    assert shown["outputs"][0]["value"] == LARGE
    assert (await gateway.http.get(f"{path}/outputs/sum")).json() == LARGE


async def test_a_large_constant_of_a_run_is_kept_and_shown_wherever_a_small_one_is(
    gateway: Gateway,
) -> None:
    started = await constant_run(gateway, LARGE)
    identifier = started.json()["execution_id"]
    path = f"/api/v1/executions/{identifier}"
    await outputs_of(gateway, identifier)

    shown = (await gateway.http.get(path)).json()["inputs"][0]
    bare = (await gateway.http.get(f"{path}?include_io_values=false")).json()["inputs"][0]

    [trigger] = gateway.registry.triggers.values()
    source = trigger.mapping.inputs[0].source
    assert isinstance(source, Constant)
    assert source.reference is not None
    assert shown["value"] == shown["mapping_value"]["constant_value"] == LARGE
    assert bare["mapping_value"]["constant_value"] == LARGE
    assert "value" not in bare
    assert (await gateway.http.get(f"{path}/inputs/a")).json() == LARGE


async def test_a_large_constant_of_a_run_that_is_refused_is_not_kept(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise Conflict("No.")

    ill_typed = await constant_run(gateway, LARGE, json_inputs='{"b": "no number"}')
    monkeypatch.setattr(gateway.executor.bus, "publish", refuse)
    refused = await constant_run(gateway, LARGE)

    assert ill_typed.status_code == 400
    assert refused.status_code == 409
    assert await kept_files(gateway) == []


async def test_a_large_output_of_an_endpoint_is_in_both_of_its_answers(gateway: Gateway) -> None:
    await gateway.pipeline(**JSON)
    gateway.executor.function = kept
    mapping = [{"pipeline_input_name": "a", "constant_value": LARGE}]
    created = await gateway.http.post(
        "/api/v1/endpoints", json={"name": "add", "pipeline_name": "add", "inputs_mapping": mapping}
    )

    plain = await gateway.call(created.json())
    wrapped = await gateway.plain.get(
        f"/endpoints/v1/add/executions/{plain.json()['execution_id']}",
        params={"token": created.json()["endpoint_token"]},
    )

    assert plain.json()["output"] == plain.json()["outputs"] == {"sum": LARGE}
    assert wrapped.json()["outputs"] == {"sum": {"value": LARGE}}


async def test_a_value_that_is_gone_is_not_found(gateway: Gateway) -> None:
    started = await constant_run(gateway, LARGE)
    identifier = started.json()["execution_id"]
    await outputs_of(gateway, identifier)
    await gateway.storage.platform.delete_below("")

    for place in ("", "/outputs", "/outputs/sum", "/inputs/a"):
        answer = await gateway.http.get(f"/api/v1/executions/{identifier}{place}")
        assert answer.status_code == 404, place
        assert answer.json()["message"]
