"""Running pipelines and reading executions."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from pumphouse.sdk import (
    InputSource,
    InvalidParameters,
    NotFound,
    OutputDestination,
    PumphouseSdk,
    TimedOut,
)
from tests.unit.sdk.fake_platform import FakePlatform, body_of, ok

RUN = "POST /api/v1/pipelines/add/run"
READ = "GET /api/v1/executions/e1"
OUTPUTS = "GET /api/v1/executions/e1/outputs"
LOGS = "POST /api/v1/executions/e1/logs"


def form_of(request: httpx.Request) -> dict[str, list[str]]:
    return parse_qs(request.content.decode(), keep_blank_values=True)


def item(direction: str, name: str, mapping_type: str, mapping: dict[str, Any], value: Any) -> Any:
    return {
        f"pipeline_{direction}_name": name,
        "data_type": "number",
        "mapping_type": mapping_type,
        "mapping_value": mapping,
        "value": value,
    }


EXECUTION = {
    "execution_id": "e1",
    "status": "Succeeded",
    "inputs": [
        item("input", "a", "run", {"run_input_name": "a"}, 9),
        item("input", "b", "endpoint", {"endpoint_input_name": "x", "is_required": True}, 6),
        item("input", "c", "constant", {"constant_value": 0}, 0),
    ],
    "outputs": [item("output", "sum", "endpoint", {"endpoint_output_name": "result"}, 15)],
}


PIPELINE = {"parameters": {"inputs": [{"name": "a", "data_type": "number"}]}}


@pytest.fixture(autouse=True)
def _execution(platform: FakePlatform) -> None:
    platform.on("GET /api/v1/pipelines/add", ok(PIPELINE))
    platform.on(RUN, httpx.Response(201, json={"execution_id": "e1"}))
    platform.on(OUTPUTS, ok({"outputs": EXECUTION["outputs"]}))
    platform.on(READ, ok(EXECUTION))


def test_a_run_returns_its_outputs(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    done = sdk.run_pipeline("add", {"a": 9, "b": "6"})
    assert done == {"execution_id": "e1", "outputs": {"sum": 15}}
    assert form_of(platform.asked(RUN)[0]) == {"json_inputs": ['{"a": 9, "b": "6"}']}


def test_a_run_without_inputs_sends_an_empty_object(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    assert sdk.run_pipeline("add", wait_for_completion=False) == {"execution_id": "e1"}
    assert form_of(platform.asked(RUN)[0]) == {"json_inputs": ["{}"]}
    assert platform.asked(OUTPUTS) == []


def test_a_run_sends_its_mapping(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    sdk.run_pipeline(
        "add",
        inputs_mapping=[InputSource("a", constant_value=1)],
        outputs_mapping=[OutputDestination("sum", is_null=True)],
    )
    form = form_of(platform.asked(RUN)[0])
    assert form["inputs_mapping"] == ['[{"pipeline_input_name": "a", "constant_value": 1}]']
    assert form["outputs_mapping"] == ['[{"pipeline_output_name": "sum", "is_null": true}]']


def test_an_input_that_json_cannot_hold_is_not_sent(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    with pytest.raises(InvalidParameters, match="Input 'a'"):
        sdk.run_pipeline("add", {"a": float("nan")})
    assert platform.requests == []


def test_a_long_run_is_asked_for_again(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on(OUTPUTS, httpx.Response(307), httpx.Response(307), ok({"outputs": []}))
    assert sdk.run_pipeline("add")["outputs"] == {}
    assert {request.url.query for request in platform.asked(OUTPUTS)} == {
        b"wait_for_completion=true"
    }
    assert len(platform.asked(OUTPUTS)) == 3


def test_a_run_that_takes_too_long_times_out_and_is_named(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    platform.on(OUTPUTS, httpx.Response(307))
    with pytest.raises(TimedOut, match=r"Execution e1 took longer than 0\.1 s"):
        sdk.run_pipeline("add", timeout_s=0.1)


def test_an_execution_shows_sources_and_destinations(sdk: PumphouseSdk) -> None:
    found = sdk.get_pipeline_execution("e1")
    assert found["inputs"] == [
        {"pipeline_input_name": "a", "data_type": "number", "source": "run", "value": 9},
        {
            "pipeline_input_name": "b",
            "data_type": "number",
            "source": "endpoint",
            "endpoint_input_name": "x",
            "value": 6,
        },
        {
            "pipeline_input_name": "c",
            "data_type": "number",
            "source": "constant",
            "constant_value": 0,
            "value": 0,
        },
    ]
    assert found["outputs"] == [
        {
            "pipeline_output_name": "sum",
            "data_type": "number",
            "destination": "endpoint",
            "endpoint_output_name": "result",
            "value": 15,
        }
    ]


def test_one_input_and_one_output_are_read_alone(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on("GET /api/v1/executions/e1/inputs/a", ok(9))
    platform.on("GET /api/v1/executions/e1/outputs/sum", httpx.Response(204))
    assert sdk.get_pipeline_execution_input("e1", "a")["value"] == 9
    assert sdk.get_pipeline_execution_output("e1", "sum")["value"] is None
    assert platform.asked(READ)[0].url.query == b"include_io_values=false"


def test_an_unknown_input_or_output_is_not_found(sdk: PumphouseSdk) -> None:
    with pytest.raises(NotFound, match="no input 'z'"):
        sdk.get_pipeline_execution_input("e1", "z")
    with pytest.raises(NotFound, match="no output 'a'"):
        sdk.get_pipeline_execution_output("e1", "a")


@pytest.mark.parametrize(
    ("answer", "lines"),
    [
        ([], []),
        ([[]], []),
        ([[{"timestamp": "t", "message": "m"}]], [{"timestamp": "t", "message": "m"}]),
    ],
)
def test_logs_are_one_list(
    sdk: PumphouseSdk, platform: FakePlatform, answer: object, lines: object
) -> None:
    platform.on(LOGS, ok(answer))
    assert sdk.get_pipeline_execution_logs("e1") == lines
    assert body_of(platform.asked(LOGS)[0]) == {}


def test_logs_of_an_interval(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on(LOGS, ok([]))
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    sdk.get_pipeline_execution_logs("e1", begin, datetime(2024, 1, 2, tzinfo=UTC), 10)
    assert body_of(platform.asked(LOGS)[0]) == {
        "from": 1_704_067_200_000,
        "to": 1_704_153_600_000,
        "limit": 10,
    }


def test_executions_are_listed_and_deleted(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on("GET /api/v1/pipelines/add/executions", ok([{"execution_id": "e1"}]))
    platform.on("DELETE /api/v1/executions/e1", ok({"execution_id": "e1"}))
    assert sdk.list_pipeline_executions("add") == [{"execution_id": "e1"}]
    assert sdk.delete_pipeline_execution("e1") == {"execution_id": "e1"}
