"""Running pipelines with both clients."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pumphouse.sdk import (
    ExecutionFailed,
    Input,
    InputSource,
    InvalidParameters,
    Output,
    PumphouseSdk,
    TimedOut,
)
from tests.acceptance.conftest import Platform
from tests.acceptance.guides.callers import official_client

WAITS = """
import os, time

def guide():
    while not os.path.exists("{go}"):
        time.sleep(0.01)
"""


@pytest.fixture(params=["sdk", "official sdk"])
def client(request: pytest.FixtureRequest, sdk: PumphouseSdk, platform: Platform) -> Iterator[Any]:
    """Either client: the calls of the guides are the same."""
    if request.param == "sdk":
        yield sdk
    else:
        with official_client(platform.url, platform.token) as official:
            yield official


def create(sdk: PumphouseSdk, folder: Path, code: str, **declared: Any) -> str:
    """A pipeline `guide` of a function `guide`."""
    (folder / "main.py").write_text(code)
    config = {"local_folder": folder}
    sdk.create_pipeline("guide", "main.py", "guide", container_config=config, **declared)
    return "guide"


def test_a_run_without_inputs(
    client: Any, sdk: PumphouseSdk, nothing_left: None, tmp_path: Path
) -> None:
    name = create(sdk, tmp_path, "def guide():\n    print('seen')\n")
    done = client.run_pipeline(name)
    assert done["outputs"] == {}
    assert client.get_pipeline_execution(done["execution_id"])["status"] == "Succeeded"
    logs = client.get_pipeline_execution_logs(done["execution_id"])
    assert [line["message"] for line in logs] == ["seen"]


def test_a_run_with_inputs(client: Any, add: str) -> None:
    done = client.run_pipeline(add, inputs={"number1": 9, "number2": 6})
    assert done["outputs"] == {"number3": 15}
    assert client.get_pipeline_execution_output(done["execution_id"], "number3")["value"] == 15
    assert client.get_pipeline_execution_input(done["execution_id"], "number1")["value"] == 9


def test_a_run_with_constants(client: Any, sdk: PumphouseSdk, add: str) -> None:
    mapping = [InputSource("number1", constant_value=2**70)]
    done = sdk.run_pipeline(add, {"number2": 1}, mapping)
    assert done["outputs"] == {"number3": 2**70 + 1}
    assert client.get_pipeline_execution(done["execution_id"])["inputs"][0]["source"] == "constant"


def test_a_default_and_a_required_input(
    client: Any, sdk: PumphouseSdk, nothing_left: None, tmp_path: Path
) -> None:
    default = {"text": "1", "deep": [1, 1.5, True, None]}
    name = create(
        sdk,
        tmp_path,
        "def guide(count, options, more):\n    return {'seen': [count, options, more]}\n",
        inputs=[
            Input("count", "number", default_value=12),
            Input("options", "json", default_value=default),
            Input("more", "json", is_required=True),
        ],
        outputs=[Output("seen", "array")],
    )
    outputs = client.run_pipeline(name, inputs={"more": {"a": []}})["outputs"]
    assert outputs == {"seen": [12, default, {"a": []}]}
    with pytest.raises(Exception, match="more") as caught:
        client.run_pipeline(name)
    assert getattr(caught.value, "status_code", None) == 400
    assert len(sdk.list_pipeline_executions(name)) == 1


@pytest.mark.parametrize(
    ("data_type", "value"),
    [
        ("string", 'né ✓ "quoted"\n'),
        ("number", 2**70),
        ("number", -0.1),
        ("boolean", False),
        ("json", {"a": {"b": [None, 1, "1"]}}),
        ("array", [[], {}, ""]),
    ],
)
def test_values_of_each_type_come_back_as_they_were(
    sdk: PumphouseSdk, nothing_left: None, tmp_path: Path, data_type: str, value: Any
) -> None:
    name = create(
        sdk,
        tmp_path,
        "def guide(value):\n    return {'value': value}\n",
        inputs=[Input("value", data_type)],
        outputs=[Output("value", data_type)],
    )
    assert sdk.run_pipeline(name, {"value": value})["outputs"] == {"value": value}


def test_a_failing_function_says_why(
    client: Any, sdk: PumphouseSdk, nothing_left: None, tmp_path: Path
) -> None:
    name = create(sdk, tmp_path, "def guide():\n    raise RuntimeError('kaboom')\n")
    with pytest.raises(Exception, match="kaboom") as caught:
        client.run_pipeline(name)
    assert getattr(caught.value, "name", None) == ExecutionFailed.default_name
    assert [row["status"] for row in sdk.list_pipeline_executions(name)] == ["Failed"]


def test_an_input_of_another_type_starts_nothing(sdk: PumphouseSdk, add: str) -> None:
    with pytest.raises(InvalidParameters, match="number1"):
        sdk.run_pipeline(add, {"number1": "nine", "number2": 6})
    assert sdk.list_pipeline_executions(add) == []


def test_a_wait_ends_at_its_time_and_the_execution_goes_on(
    sdk: PumphouseSdk, nothing_left: None, tmp_path: Path, gate: Path
) -> None:
    name = create(sdk, tmp_path, WAITS.format(go=gate))
    begin = time.monotonic()
    with pytest.raises(TimedOut):
        sdk.run_pipeline(name, timeout_s=2)
    assert time.monotonic() - begin >= 2
    (execution,) = sdk.list_pipeline_executions(name)
    assert execution["status"] in ("Pending", "Running")
    gate.touch()
    sdk.retrieve_pipeline_execution_outputs(execution["execution_id"])
    assert sdk.get_pipeline_execution(execution["execution_id"])["status"] == "Succeeded"
