"""Code as users lay it out: folders, long names, nothing declared, and what cannot be built."""

from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.users.client import (
    CREATION_PARAMETER_VALUE,
    Input,
    Output,
    SdkException,
    logged,
)
from tests.acceptance.users.folders import PIPELINES, code_in
from tests.stack import eventually

NOTHING = CREATION_PARAMETER_VALUE.NULL
LONG = "a_name_that_nobody_would_type_twice_" * 3


def test_who_declares_nothing_runs_a_function_with_a_sibling_package(
    sdk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(PIPELINES / "naive")
    sdk.create_pipeline(
        pipeline_name="doc-consistency",
        function_path="run_check.py",
        function_name="check_documentation",
        container_config={"local_folder": ".", "included_folders": ["."]},
    )
    done = sdk.run_pipeline("doc-consistency")
    assert done["outputs"] == {}
    eventually(lambda: "differences: [('5.', '6.')]" in logged(sdk, done["execution_id"]))


def test_who_forgets_the_folder_is_told_what_is_missing(sdk: Any) -> None:
    with pytest.raises(SdkException) as refused:
        sdk.create_pipeline("no-folder", "run_check.py", "check_documentation")
    assert refused.value.status_code in (400, 422, 501)
    assert "repository_url" in refused.value.message
    assert "local_folder" in refused.value.message


def test_services_beside_the_pipelines_are_found_through_sys_path(sdk: Any) -> None:
    sdk.create_pipeline(
        "chat-answer",
        "pipelines/answer_pipeline.py",
        "answer",
        container_config=code_in("chat", included_folders=["pipelines", "services"]),
        inputs=[Input("message", "string"), Input("history", "json")],
        outputs=[Output("result", "json")],
    )
    deployed = sdk.create_deployment("chat-answer", "chat-answer", "endpoint")
    given = {"message": "olleh", "history": {"turns": [{"role": "user"}]}}
    done = sdk.trigger_endpoint("chat-answer", deployed["endpoint_token"], given)
    assert done["outputs"] == {"result": {"answer": "hello!", "turns": 1}}


def test_functions_and_files_may_have_very_long_names(sdk: Any, tmp_path: Path) -> None:
    (tmp_path / LONG).mkdir()
    (tmp_path / LONG / f"{LONG}.py").write_text(f"def {LONG}():\n    return {{'{LONG}': 1}}\n")
    sdk.create_pipeline(
        "long-names",
        f"{LONG}/{LONG}.py",
        LONG,
        container_config={"local_folder": str(tmp_path), "requirements_path": NOTHING},
        outputs=[Output(LONG, "number")],
    )
    assert sdk.run_pipeline("long-names")["outputs"] == {LONG: 1}


def test_an_agent_deploys_the_function_that_it_has_written(sdk: Any, tmp_path: Path) -> None:
    code = "def median(numbers):\n    print('sorting')\n    return {'m': sorted(numbers)[1]}\n"
    (tmp_path / "written.py").write_text(code)
    sdk.create_pipeline(
        pipeline_name="agent-function",
        function_path="written.py",
        function_name="median",
        container_config={
            "language": "python:3.11-slim",
            "local_folder": str(tmp_path),
            "requirements_path": NOTHING,
        },
        inputs=[Input("numbers", "array")],
        outputs=[Output("m", "number")],
    )
    done = sdk.run_pipeline("agent-function", inputs={"numbers": [9, 1, 5]})
    assert done["outputs"] == {"m": 5}
    eventually(lambda: logged(sdk, done["execution_id"]) == "sorting")


def test_what_cannot_be_built_says_why_and_its_name_is_free_again(sdk: Any, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("def main():\n    return {'v': 1}\n")
    (tmp_path / "requirements.txt").write_text("requests==2.32.0\nrequests==2.31.0\n")
    container = {"local_folder": str(tmp_path), "requirements_path": "requirements.txt"}
    with pytest.raises(SdkException, match="unbuildable") as failed:
        sdk.create_pipeline("unbuildable", "main.py", "main", container_config=container)
    assert failed.value.name == "CreationFailed"
    assert sdk.get_pipeline("unbuildable")["creation_info"]["status"] == "creation_failed"
    lines = sdk.get_pipeline_logs("unbuildable")
    assert any("requests==2.31.0" in line["message"] for line in lines)
    with pytest.raises(SdkException) as refused:
        sdk.run_pipeline("unbuildable")
    assert 400 <= refused.value.status_code < 500
    sdk.delete_pipeline("unbuildable")
    container["requirements_path"] = NOTHING
    outputs = [Output("v", "number")]
    sdk.create_pipeline(
        "unbuildable", "main.py", "main", container_config=container, outputs=outputs
    )
    assert sdk.run_pipeline("unbuildable")["outputs"] == {"v": 1}


def test_a_language_model_is_loaded_once_for_all_calls(sdk: Any) -> None:
    sdk.create_or_update_environment_variable("HUGGINGFACE_ACCESS_TOKEN", "hf_not_a_real_one")
    sdk.create_pipeline(
        "language-model",
        "model.py",
        "generate",
        container_config=code_in("language", language="python-cuda:3.11-12.1"),
        inputs=[Input("message", "string")],
        outputs=[Output("results", "json")],
        timeout_s=7200,
    )
    sdk.create_deployment(
        "language-model", "language", "endpoint", mode="low_latency", wait_for_completion=False
    )
    eventually(lambda: sdk.get_deployment("language")["status"] == "up", within_s=60)
    token = sdk.get_deployment("language")["endpoint_token"]
    asked = [
        sdk.trigger_endpoint("language", token, {"message": text})["outputs"]["results"]
        for text in ("the cat", "and")
    ]
    assert [result["text"] for result in asked] == ["the cat ran to the", "and the cat ran"]
    assert len({result["loaded_at"] for result in asked}) == 1
