"""Pipelines that use the platform which runs them: metrics, and variables that remember."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.acceptance.users.client import Input, Output, SdkException
from tests.acceptance.users.folders import code_in

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(sdk: Any) -> Run:
    """Makes a pipeline of a function of the folder `inside`, and runs it once."""

    def make(function: str, given: Any = None, **declared: Any) -> dict[str, Any]:
        container = code_in("inside", requirements_path="requirements.txt")
        sdk.create_pipeline(
            function, "functions.py", function, container_config=container, **declared
        )
        done: dict[str, Any] = sdk.run_pipeline(function, inputs=given)
        return done

    return make


def test_five_hundred_points_recorded_one_by_one_keep_their_order(sdk: Any, run: Run) -> None:
    done = run("metrics_list")
    lists = sdk.get_list_metrics(execution_id=done["execution_id"])
    values = {item["name"]: item["values"] for item in lists}
    assert values["points"] == list(range(500))
    assert len(values["log curve"]) == 100
    found = sdk.get_metrics(name="last", pipeline_name="metrics_list")
    assert [item["value"] for item in found] == [2.5]


def test_variables_are_read_and_written_from_inside(sdk: Any, run: Run) -> None:
    sdk.create_or_update_environment_variable("GREETING", "hello")
    done = run(
        "env_var_perf",
        {"value_i": "goodbye"},
        inputs=[Input("value_i", "string")],
        outputs=[Output("value_o", "string")],
    )
    assert done["outputs"] == {"value_o": "hello goodbye"}
    variables = {item["name"]: item["value"] for item in sdk.list_environment_variables()}
    assert variables["GREETING"] == "goodbye"


def test_a_metric_that_a_variable_carries_on_grows_with_each_execution(sdk: Any, run: Run) -> None:
    run("chart_metrics")
    sdk.run_pipeline("chart_metrics")
    found = sdk.get_metrics(name="chart", pipeline_name="chart_metrics")
    assert sorted(item["value"] for item in found) == [1, 2]


def test_what_no_pipeline_may_do_is_refused_with_a_reason(sdk: Any, run: Run) -> None:
    with pytest.raises(SdkException, match="cannot be called from inside an execution") as failed:
        run("overreach")
    assert "delete_pipeline" in failed.value.message
