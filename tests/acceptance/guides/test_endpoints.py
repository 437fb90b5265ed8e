"""Endpoints, called by our client, by the official one, by curl and by axios."""

import json
import subprocess
from pathlib import Path

import pytest

from pumphouse.sdk import (
    Conflict,
    Input,
    InputSource,
    Output,
    OutputDestination,
    PumphouseSdk,
    TimedOut,
)
from tests.acceptance.conftest import Platform
from tests.acceptance.guides.callers import Caller

WAITS = """
import os, time

def slow():
    while not os.path.exists("{go}"):
        time.sleep(0.01)
"""


@pytest.fixture
def answer(sdk: PumphouseSdk, nothing_left: None, tmp_path: Path) -> str:
    """The name of a pipeline without inputs."""
    (tmp_path / "main.py").write_text("def answer():\n    return {'answer': 42}\n")
    sdk.create_pipeline(
        "answer",
        "main.py",
        "answer",
        container_config={"local_folder": tmp_path},
        outputs=[Output("answer", "number")],
    )
    return "answer"


def test_without_inputs(sdk: PumphouseSdk, answer: str, call: Caller) -> None:
    endpoint = sdk.create_deployment(answer, "answer", "endpoint")
    assert call(endpoint) == {"answer": 42}


@pytest.mark.parametrize("mode", ["elastic", "low_latency"])
def test_with_inputs(sdk: PumphouseSdk, add: str, call: Caller, mode: str) -> None:
    endpoint = sdk.create_deployment(add, "add", "endpoint", mode)
    assert call(endpoint, {"number1": 9, "number2": 6}) == {"number3": 15}
    assert call(endpoint, {"number1": 0.5, "number2": -1}) == {"number3": -0.5}


def test_with_renamed_inputs_and_outputs(sdk: PumphouseSdk, add: str, call: Caller) -> None:
    endpoint = sdk.create_deployment(
        add,
        "renamed",
        "endpoint",
        inputs_mapping=[
            InputSource("number1", endpoint_input_name="number_a"),
            InputSource("number2", endpoint_input_name="number_b"),
        ],
        outputs_mapping=[OutputDestination("number3", endpoint_output_name="result")],
    )
    assert call(endpoint, {"number_a": 9, "number_b": 6}) == {"result": 15}


def test_with_constants(sdk: PumphouseSdk, add: str, call: Caller) -> None:
    constants = [InputSource("number1", constant_value=6), InputSource("number2", constant_value=3)]
    endpoint = sdk.create_deployment(add, "constants", "endpoint", inputs_mapping=constants)
    assert call(endpoint) == {"number3": 9}


def test_with_environment_variables_that_change(sdk: PumphouseSdk, add: str, call: Caller) -> None:
    sdk.create_or_update_environment_variable("NUMBER_ONE", 6)
    sdk.create_or_update_environment_variable("NUMBER_TWO", 4)
    endpoint = sdk.create_deployment(
        add,
        "variables",
        "endpoint",
        inputs_mapping=[
            InputSource("number1", environment_variable_name="NUMBER_ONE"),
            InputSource("number2", environment_variable_name="NUMBER_TWO"),
        ],
    )
    assert call(endpoint, {"number_a": 9, "number_b": 6}) == {"number3": 10}
    sdk.create_or_update_environment_variable("NUMBER_ONE", 60)
    assert call(endpoint) == {"number3": 64}


def test_with_nulls(sdk: PumphouseSdk, nothing_left: None, call: Caller, tmp_path: Path) -> None:
    code = "def nulls(a, b):\n    return {'seen': [a, b], 'dropped': 1}\n"
    (tmp_path / "main.py").write_text(code)
    sdk.create_pipeline(
        "nulls",
        "main.py",
        "nulls",
        container_config={"local_folder": tmp_path},
        inputs=[Input("a", "number"), Input("b", "string", default_value="not used")],
        outputs=[Output("seen", "array"), Output("dropped", "number")],
    )
    endpoint = sdk.create_deployment(
        "nulls",
        "nulls",
        "endpoint",
        inputs_mapping=[InputSource("a", is_null=True), InputSource("b", is_null=True)],
        outputs_mapping=[OutputDestination("dropped", is_null=True)],
    )
    assert call(endpoint) == {"seen": [None, None]}


def test_the_sdk_token_serves_as_well(sdk: PumphouseSdk, add: str) -> None:
    sdk.create_deployment(add, "add", "endpoint")
    done = sdk.trigger_endpoint("add", inputs={"number1": 9, "number2": 6})
    assert done["outputs"] == {"number3": 15}


def test_a_call_without_waiting_is_collected_later(sdk: PumphouseSdk, add: str) -> None:
    token = sdk.create_deployment(add, "add", "endpoint")["endpoint_token"]
    inputs = {"number1": 9, "number2": 6}
    started = sdk.trigger_endpoint("add", token, inputs, wait_for_completion=False)
    collected = sdk.retrieve_endpoint_results("add", started["execution_id"], token)
    assert collected == {**started, "outputs": {"number3": 15}}
    assert sdk.get_deployment("add")["last_execution_id"] == started["execution_id"]


def test_a_call_with_a_time_limit_keeps_to_it_and_goes_on(
    sdk: PumphouseSdk, nothing_left: None, tmp_path: Path, gate: Path
) -> None:
    (tmp_path / "main.py").write_text(WAITS.format(go=gate))
    config = {"local_folder": tmp_path}
    sdk.create_pipeline("slow", "main.py", "slow", container_config=config)
    token = sdk.create_deployment("slow", "slow", "endpoint")["endpoint_token"]
    with pytest.raises(TimedOut):
        sdk.trigger_endpoint("slow", token, timeout_s=2)
    (execution,) = sdk.list_pipeline_executions("slow")
    assert execution["status"] in ("Pending", "Running")
    gate.touch()
    assert sdk.retrieve_endpoint_results("slow", execution["execution_id"], token)["outputs"] == {}


def test_a_disabled_endpoint_refuses_and_starts_nothing(sdk: PumphouseSdk, add: str) -> None:
    token = sdk.create_deployment(add, "add", "endpoint")["endpoint_token"]
    assert sdk.update_deployment("add", is_enabled=False)["status"] == "disabled"
    with pytest.raises(Conflict):
        sdk.trigger_endpoint("add", token, {"number1": 9, "number2": 6})
    assert sdk.list_pipeline_executions(add) == []


@pytest.mark.parametrize(
    ("token", "inputs", "status", "said"),
    [
        ("wrong", {"number1": 1, "number2": 1}, "401", "token"),
        (None, {"number1": "nine", "number2": 6}, "400", "number1"),
    ],
)
def test_curl_reads_why_it_was_refused(
    sdk: PumphouseSdk,
    platform: Platform,
    add: str,
    token: str | None,
    inputs: dict[str, object],
    status: str,
    said: str,
) -> None:
    endpoint = sdk.create_deployment(add, "add", "endpoint")
    done = subprocess.run(
        [
            *("curl", "--silent", "-X", "POST", f"{platform.url}/endpoints/add"),
            *("-H", f"Authorization: EndpointToken {token or endpoint['endpoint_token']}"),
            *("-H", "Content-Type: application/json", "-d", json.dumps(inputs)),
            *("-w", "\n%{http_code}"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    body, code = done.stdout.rsplit("\n", 1)
    assert code == status
    assert said in json.loads(body)["message"]
    assert sdk.list_pipeline_executions(add) == []
