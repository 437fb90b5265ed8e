"""Runs and executions over HTTP."""

import asyncio
import json
from typing import Any

import pytest

from tests.integration.gateway.conftest import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNKNOWN = ("nope", "01890000-0000-7000-8000-000000000000", "{01890000-0000-7000-8000-000000000000}")


async def run(gateway: Gateway, **fields: Any) -> str:
    form = {key: json.dumps(value) for key, value in fields.items()}
    started = await gateway.http.post("/api/v1/pipelines/add/run", data=form)
    assert started.status_code == 202, started.text
    identifier: str = started.json()["execution_id"]
    return identifier


async def test_a_run_gives_its_outputs_when_it_ends(gateway: Gateway) -> None:
    await gateway.pipeline()
    identifier = await run(
        gateway,
        json_inputs={"b": 6, "unknown": True},
        inputs_mapping=[{"pipeline_input_name": "a", "constant_value": 36}],
    )

    path = f"/api/v1/executions/{identifier}"
    answer = await gateway.http.get(f"{path}/outputs?wait_for_completion=true")

    assert answer.json()["outputs"] == [
        {
            "pipeline_output_name": "sum",
            "data_type": "number",
            "mapping_type": "run",
            "mapping_value": {"run_output_name": "sum"},
            "value": 42,
        }
    ]
    shown = (await gateway.http.get(path)).json()
    assert shown["status"] == "Succeeded"
    assert [item["mapping_type"] for item in shown["inputs"]] == ["constant", "run"]
    assert [item["value"] for item in shown["inputs"]] == [36, 6]
    assert shown["outputs"][0]["value"] == 42
    without = (await gateway.http.get(f"{path}?include_io_values=false")).json()
    assert "value" not in without["inputs"][0]
    assert (await gateway.http.get(f"{path}/outputs/sum")).json() == 42
    assert (await gateway.http.get(f"{path}/inputs/a")).json() == 36
    assert (await gateway.http.get(f"{path}/outputs/nope")).status_code == 404
    assert (await gateway.http.get(f"{path}/inputs/nope")).status_code == 404


@pytest.mark.parametrize(
    ("form", "named"),
    [
        ({}, "'a' (number)"),
        ({"json_inputs": "{"}, "json_inputs is not JSON"),
        ({"json_inputs": "[]"}, "json_inputs must be a JSON object"),
        ({"json_inputs": '{"a": NaN}'}, "NaN"),
        ({"json_inputs": '{"a": -Infinity}'}, "-Infinity"),
        ({"json_inputs": '{"a": "x"}'}, "'a': a number is expected"),
        ({"json_inputs": '{"a": 1}', "inputs_mapping": "{}"}, "inputs_mapping"),
        ({"json_inputs": '{"a": 1}', "inputs_mapping": "["}, "inputs_mapping is not JSON"),
        (
            {
                "json_inputs": '{"a": 1}',
                "inputs_mapping": '[{"pipeline_input_name": "a", "constant_value": 1}]',
            },
            "Both inputs_mapping and inputs give 'a'",
        ),
        (
            {"inputs_mapping": '[{"pipeline_input_name": "a", "endpoint_input_name": "x"}]'},
            "endpoint input",
        ),
        (
            {
                "json_inputs": '{"a": 1}',
                "outputs_mapping": '[{"pipeline_output_name": "sum", "endpoint_output_name": "x"}]',
            },
            "endpoint output",
        ),
    ],
)
async def test_a_run_that_cannot_be_is_refused(
    gateway: Gateway, form: dict[str, str], named: str
) -> None:
    await gateway.pipeline()
    form = form or {"json_inputs": "{}"}

    answer = await gateway.http.post("/api/v1/pipelines/add/run", data=form)

    assert answer.status_code == 400, answer.text
    assert named in answer.json()["message"]
    assert gateway.registry.triggers == {}


async def test_a_run_that_is_no_form_is_refused(gateway: Gateway) -> None:
    await gateway.pipeline()

    answer = await gateway.http.post("/api/v1/pipelines/add/run", json={"a": 1})

    assert answer.status_code == 400
    assert "multipart/form-data" in answer.json()["message"]


@pytest.mark.parametrize("encoding", ["data", "files"])
async def test_a_run_with_too_many_values_is_refused(gateway: Gateway, encoding: str) -> None:
    await gateway.pipeline()
    text = "1" * 2_000_000
    body: dict[str, Any] = {
        encoding: {"json_inputs": (None, text) if encoding == "files" else text}
    }

    answer = await gateway.http.post("/api/v1/pipelines/add/run", **body)

    assert answer.status_code == 413
    assert answer.json()["name"] == "TooLarge"


async def test_a_long_run_is_asked_for_again(gateway: Gateway) -> None:
    goes_on = asyncio.Event()

    async def waits(inputs: dict[str, Any]) -> dict[str, Any]:
        await goes_on.wait()
        return {"sum": 1}

    gateway.executor.function = waits
    await gateway.pipeline()
    identifier = await run(gateway, json_inputs={"a": 1})
    path = f"/api/v1/executions/{identifier}/outputs"

    again = await gateway.http.get(path, params={"wait_for_completion": "true"})
    at_once = await gateway.http.get(path)
    goes_on.set()
    ended = await gateway.http.get(again.headers["location"])

    assert again.status_code == 307
    assert at_once.status_code == 409
    assert ended.json()["outputs"][0]["value"] == 1


async def test_a_failed_run_answers_500_with_the_error_of_the_code(gateway: Gateway) -> None:
    async def fails(inputs: dict[str, Any]) -> dict[str, Any]:
        raise RuntimeError("kaboom")

    gateway.executor.function = fails
    await gateway.pipeline()
    identifier = await run(gateway, json_inputs={"a": 1})

    answer = await gateway.http.get(
        f"/api/v1/executions/{identifier}/outputs?wait_for_completion=true"
    )
    shown = (await gateway.http.get(f"/api/v1/executions/{identifier}")).json()

    assert answer.status_code == 500
    assert answer.json()["name"] == "PipelineExecutionFailed"
    assert "kaboom" in answer.json()["message"]
    assert shown["status"] == "Failed"
    assert shown["outputs"] == []


async def test_executions_are_listed_and_deleted(gateway: Gateway) -> None:
    await gateway.pipeline()
    first = await run(gateway, json_inputs={"a": 1})
    second = await run(gateway, json_inputs={"a": 2})
    path = "/api/v1/pipelines/add/executions"

    assert [row["execution_id"] for row in (await gateway.http.get(path)).json()] == [second, first]
    assert (await gateway.http.get(f"{path}/latest")).json() == {"execution_id": second}
    deleted = await gateway.http.delete(f"/api/v1/executions/{second}")
    assert deleted.json() == {"execution_id": second}
    assert (await gateway.http.get(f"/api/v1/executions/{second}")).status_code == 404
    assert (await gateway.http.get(f"{path}/latest")).json() == {"execution_id": first}


async def test_logs_are_nested_and_limited(gateway: Gateway) -> None:
    await gateway.pipeline()
    identifier = await run(gateway, json_inputs={"a": 1})
    path = f"/api/v1/executions/{identifier}"
    await gateway.http.get(f"{path}/outputs?wait_for_completion=true")

    lines = (await gateway.http.post(f"{path}/logs", json={"from": -1, "to": 10**13})).json()
    none = await gateway.http.post(f"{path}/logs", json={"limit": 0})

    assert [line["message"] for line in lines[0]] == ["running"]
    assert lines[0][0]["timestamp"].endswith("Z")
    assert none.json() == [[]]


@pytest.mark.parametrize(
    "body", [{"limit": -1}, {"limit": "x"}, {"limit": 10**30}, {"from": 10**30}, {"to": []}, []]
)
async def test_a_period_that_cannot_be_is_refused(gateway: Gateway, body: Any) -> None:
    await gateway.pipeline()
    identifier = await run(gateway, json_inputs={"a": 1})

    for path in (f"executions/{identifier}", "pipelines/add"):
        answer = await gateway.http.post(f"/api/v1/{path}/logs", json=body)
        assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("identifier", UNKNOWN)
async def test_an_unknown_execution_is_not_found_anywhere(
    gateway: Gateway, identifier: str
) -> None:
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/outputs?wait_for_completion=true"),
        ("GET", "/outputs/x"),
        ("GET", "/inputs/x"),
        ("POST", "/logs"),
    ):
        answer = await gateway.http.request(method, f"/api/v1/executions/{identifier}{path}")
        assert answer.status_code == 404, path
