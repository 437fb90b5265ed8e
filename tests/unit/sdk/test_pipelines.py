"""Creating, reading and deleting pipelines."""

import io
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from python_multipart.multipart import parse_options_header

from pumphouse.sdk import (
    CREATION_PARAMETER_VALUE,
    CreationFailed,
    Input,
    InvalidParameters,
    Output,
    PumphouseSdk,
    TimedOut,
    TooLarge,
)
from tests.unit.sdk.fake_platform import FakePlatform, body_of, ok

CREATE = "POST /api/v1/pipelines"
PROJECT = "GET /api/v1/project-information"
READ = "GET /api/v1/pipelines/add"
LOGS = "POST /api/v1/pipelines/add/logs"
LATEST = "GET /api/v1/pipelines/add/executions/latest"


def described(status: str = "ready", **info: str) -> dict[str, Any]:
    return {
        "parameters": {"pipeline_name": "add", "inputs": [], "outputs": []},
        "creation_info": {
            "id": "7",
            "is_archived": False,
            "status": status,
            "origin": "local",
            **info,
        },
    }


@pytest.fixture(autouse=True)
def _creation(platform: FakePlatform) -> None:
    platform.on(PROJECT, ok({"included_folders": None, "requirements_path": None}))
    platform.on(CREATE, httpx.Response(201, json={}))
    platform.on(READ, ok(described()))
    platform.on(LATEST, httpx.Response(200, json=None))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text("def add(): ...")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "tools.py").write_text("")
    return tmp_path


def parts(request: httpx.Request) -> dict[str, bytes]:
    _, options = parse_options_header(request.headers["Content-Type"])
    boundary = b"--" + options[b"boundary"]
    found = {}
    for part in request.content.split(boundary)[1:-1]:
        head, _, body = part.strip(b"\r\n").partition(b"\r\n\r\n")
        name = head.split(b'name="')[1].split(b'"')[0]
        found[name.decode()] = body
    return found


def files_in(request: httpx.Request) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(parts(request)["step_file"])) as tar:
        return tar.getnames()


def test_a_pipeline_travels_with_its_declarations(
    sdk: PumphouseSdk, platform: FakePlatform, folder: Path
) -> None:
    sdk.create_pipeline(
        "add",
        "main.py",
        "add",
        description="Adds",
        container_config={"local_folder": folder, "language": "python:3.11-slim"},
        inputs=[Input("number1", "number", is_required=True, default_value=2)],
        outputs=[Output("number3", "number")],
    )
    (request,) = platform.asked(CREATE)
    fields = parts(request)
    del fields["step_file"]
    assert {name: value.decode() for name, value in fields.items()} == {
        "pipeline_name": "add",
        "function_path": "main.py",
        "function_name": "add",
        "description": "Adds",
        "container_config[language]": "python:3.11-slim",
        "inputs[0][name]": "number1",
        "inputs[0][data_type]": "number",
        "inputs[0][is_required]": "True",
        "inputs[0][default_value]": "2",
        "outputs[0][name]": "number3",
        "outputs[0][data_type]": "number",
    }
    assert files_in(request) == ["main.py"]


@pytest.mark.parametrize(
    ("project", "config", "expected"),
    [
        (["/"], {}, ["lib/tools.py", "main.py"]),
        (["/"], {"included_folders": CREATION_PARAMETER_VALUE.NULL}, ["main.py"]),
        (["/"], {"included_folders": None}, ["lib/tools.py", "main.py"]),
        (None, {"included_folders": ["lib"]}, ["lib/tools.py", "main.py"]),
        (
            ["lib"],
            {"included_folders": CREATION_PARAMETER_VALUE.FALLBACK_PROJECT},
            ["lib/tools.py", "main.py"],
        ),
        (None, {"requirements_path": "lib/tools.py"}, ["lib/tools.py", "main.py"]),
    ],
)
def test_what_is_packed_is_the_callers_choice_or_else_the_projects(
    sdk: PumphouseSdk,
    platform: FakePlatform,
    folder: Path,
    project: list[str] | None,
    config: dict[str, Any],
    expected: list[str],
) -> None:
    platform.on(PROJECT, ok({"included_folders": project, "requirements_path": None}))
    sdk.create_pipeline(
        "add", "main.py", "add", container_config={"local_folder": str(folder), **config}
    )
    (request,) = platform.asked(CREATE)
    assert files_in(request) == expected


def test_a_default_object_keeps_its_types(
    sdk: PumphouseSdk, platform: FakePlatform, folder: Path
) -> None:
    options = Input("options", "json", default_value={"text": "1", "none": None})
    sdk.create_pipeline(
        "add",
        "main.py",
        "add",
        container_config={"local_folder": folder},
        inputs=[options, Input("b", "number")],
    )
    fields = parts(platform.asked(CREATE)[0])
    assert fields["inputs[0][default_value]"] == b"{'text': '1', 'none': None}"
    assert "inputs[1][default_value]" not in fields


def test_a_default_that_json_cannot_hold_is_refused(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    with pytest.raises(InvalidParameters, match="A default of pipeline 'add'"):
        sdk.create_pipeline("add", inputs=[Input("a", "json", default_value={"x": {1, 2}})])
    assert platform.requests == []


def test_an_explicit_null_travels_as_empty(
    sdk: PumphouseSdk, platform: FakePlatform, folder: Path
) -> None:
    config = {"local_folder": folder, "requirements_path": CREATION_PARAMETER_VALUE.NULL}
    sdk.create_pipeline("add", "main.py", "add", container_config=config)
    (request,) = platform.asked(CREATE)
    assert parts(request)["container_config[requirements_path]"] == b""


def test_a_pipeline_needs_a_folder_or_a_repository(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    with pytest.raises(InvalidParameters, match=r"'local_folder'.*'repository_url'"):
        sdk.create_pipeline("add", "main.py", "add")
    assert platform.asked(CREATE) == []


def test_a_pipeline_of_a_git_repository_travels_without_files(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    config = {
        "repository_url": "git@git.test:team/models.git",
        "repository_branch": "main",
        "repository_deploy_key": "-----BEGIN KEY-----\nab+c=\n-----END KEY-----\n",
        "included_folders": ["src", "lib"],
        "requirements_path": CREATION_PARAMETER_VALUE.NULL,
        "language": CREATION_PARAMETER_VALUE.FALLBACK_PROJECT,
    }
    sdk.create_pipeline("add", "src/main.py", "add", container_config=config)
    (request,) = platform.asked(CREATE)
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    fields = parse_qs(request.content.decode(), keep_blank_values=True)
    assert {name: values[0] for name, values in fields.items()} == {
        "pipeline_name": "add",
        "function_path": "src/main.py",
        "function_name": "add",
        "container_config[repository_url]": "git@git.test:team/models.git",
        "container_config[repository_branch]": "main",
        "container_config[repository_deploy_key]": config["repository_deploy_key"],
        "container_config[included_folders][0]": "src",
        "container_config[included_folders][1]": "lib",
        "container_config[requirements_path]": "",
    }
    assert platform.asked(PROJECT) == []


def test_the_repository_of_the_project_stands_in(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on(PROJECT, ok({"repository_url": "https://git.test/models"}))
    sdk.create_pipeline("add", "main.py", "add")
    (request,) = platform.asked(CREATE)
    assert b"repository" not in request.content
    config = {"repository_url": CREATION_PARAMETER_VALUE.NULL}
    with pytest.raises(InvalidParameters, match="'repository_url'"):
        sdk.create_pipeline("add", "main.py", "add", container_config=config)


def test_a_pipeline_of_a_template_travels_by_its_name(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    platform.on(READ, ok(described("creation_pending")), ok(described()))
    pipeline = sdk.create_pipeline("add", pipeline_template_name="sum-up")
    assert pipeline["creation_info"]["status"] == "ready"
    assert [body_of(request) for request in platform.asked(CREATE)] == [
        {"pipeline_name": "add", "pipeline_template_name": "sum-up"}
    ]


def test_nothing_goes_beside_a_template(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    create: Any = sdk.create_pipeline
    with pytest.raises(InvalidParameters, match="'function_name', 'inputs' cannot be given"):
        create("add", function_name="add", inputs=[], pipeline_template_name="sum-up")
    assert platform.requests == []


def test_a_missing_folder_is_named(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    with pytest.raises(InvalidParameters, match="'/no/such' does not exist"):
        sdk.create_pipeline("add", "main.py", "add", container_config={"local_folder": "/no/such"})
    assert platform.asked(CREATE) == []


@pytest.mark.parametrize(
    ("function_path", "message"), [(None, "which file"), ("other.py", r"no function file 'other")]
)
def test_a_missing_function_file_is_named(
    sdk: PumphouseSdk,
    platform: FakePlatform,
    folder: Path,
    function_path: str | None,
    message: str,
) -> None:
    with pytest.raises(InvalidParameters, match=message):
        sdk.create_pipeline("add", function_path, "add", container_config={"local_folder": folder})
    assert platform.asked(CREATE) == []


def test_too_large_a_folder_is_not_sent(
    sdk: PumphouseSdk, platform: FakePlatform, folder: Path
) -> None:
    (folder / "model.bin").write_bytes(bytes(6_000_000))
    config = {"local_folder": folder, "included_folders": ["/"]}
    with pytest.raises(TooLarge):
        sdk.create_pipeline("add", "main.py", "add", container_config=config)
    assert platform.asked(CREATE) == []


def test_declarations_of_another_kind_are_refused(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    with pytest.raises(InvalidParameters, match="Input objects"):
        sdk.create_pipeline("add", inputs=[{"name": "a"}])  # type: ignore[list-item]
    assert platform.requests == []


def test_creation_waits_until_the_pipeline_is_ready(
    sdk: PumphouseSdk, platform: FakePlatform, folder: Path
) -> None:
    platform.on(READ, ok(described("creation_pending")), ok(described()))
    platform.on(LATEST, ok({"execution_id": "e9"}))
    pipeline = sdk.create_pipeline(
        "add", "main.py", "add", container_config={"local_folder": folder}
    )
    assert pipeline["creation_info"] == {
        "status": "ready",
        "origin": "local",
        "last_execution_id": "e9",
    }
    assert [request.url.query for request in platform.asked(READ)] == [
        b"wait_for_completion=true"
    ] * 2


def test_creation_without_waiting_returns_what_there_is(
    sdk: PumphouseSdk, platform: FakePlatform, folder: Path
) -> None:
    platform.on(READ, ok(described("creation_pending")))
    pipeline = sdk.create_pipeline(
        "add",
        "main.py",
        "add",
        container_config={"local_folder": folder},
        wait_for_completion=False,
    )
    assert pipeline["creation_info"]["status"] == "creation_pending"
    assert platform.asked(READ)[0].url.query == b""


def test_a_failed_creation_is_an_error(
    sdk: PumphouseSdk, platform: FakePlatform, folder: Path
) -> None:
    platform.on(READ, ok(described("creation_failed")))
    with pytest.raises(CreationFailed, match="'add'"):
        sdk.create_pipeline("add", "main.py", "add", container_config={"local_folder": folder})
    assert sdk.get_pipeline("add")["creation_info"]["status"] == "creation_failed"


def test_a_failed_creation_says_why_and_where_there_is_more(
    sdk: PumphouseSdk, platform: FakePlatform, folder: Path
) -> None:
    said = "No solution found: there is no version of no-such-thing"
    platform.on(READ, ok(described("creation_failed", status_message=said)))
    with pytest.raises(CreationFailed) as failure:
        sdk.create_pipeline("add", "main.py", "add", container_config={"local_folder": folder})
    assert said in failure.value.message
    assert "get_pipeline_logs('add')" in failure.value.message
    assert sdk.get_pipeline("add")["creation_info"]["status_message"] == said


def test_the_requirements_travel_with_the_code(
    sdk: PumphouseSdk, platform: FakePlatform, folder: Path
) -> None:
    (folder / "requirements.txt").write_text("humanize==4.9.0")
    config = {"local_folder": folder, "requirements_path": "requirements.txt"}
    sdk.create_pipeline("add", "main.py", "add", container_config=config)
    (request,) = platform.asked(CREATE)
    assert files_in(request) == ["main.py", "requirements.txt"]
    assert parts(request)["container_config[requirements_path]"] == b"requirements.txt"


def test_missing_requirements_are_named(
    sdk: PumphouseSdk, platform: FakePlatform, folder: Path
) -> None:
    config = {"local_folder": folder, "requirements_path": "requirements.txt"}
    with pytest.raises(InvalidParameters, match=r"'requirements\.txt'"):
        sdk.create_pipeline("add", "main.py", "add", container_config=config)
    assert platform.asked(CREATE) == []


def test_the_logs_of_a_creation_are_read_by_interval(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    lines = [{"timestamp": "2024-01-01T00:00:00Z", "message": "Resolved 1 package"}]
    platform.on(LOGS, ok(lines))
    assert sdk.get_pipeline_logs("add") == lines
    begin, end = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC)
    sdk.get_pipeline_logs("add", begin, end, 10)
    assert [body_of(request) for request in platform.asked(LOGS)] == [
        {},
        {"from": 1_704_067_200_000, "to": 1_704_153_600_000, "limit": 10},
    ]


def test_creation_that_takes_too_long_times_out(
    sdk: PumphouseSdk, platform: FakePlatform, folder: Path
) -> None:
    platform.on(READ, ok(described("creation_pending")))
    with pytest.raises(TimedOut, match="creation of pipeline 'add'"):
        sdk.create_pipeline(
            "add", "main.py", "add", container_config={"local_folder": folder}, timeout_s=0.1
        )


@pytest.mark.parametrize(("forced", "sent"), [(False, b"false"), (True, b"true")])
def test_deletion_forces_deployments_only_when_asked(
    sdk: PumphouseSdk, platform: FakePlatform, forced: bool, sent: bytes
) -> None:
    deleted: Any = {"pipeline": {"name": "add"}, "deployments": []}
    platform.on("DELETE /api/v1/pipelines/add", ok(deleted))
    assert sdk.delete_pipeline("add", forced) == deleted
    assert platform.requests[-1].url.query == b"force_deployments_deletion=" + sent


def test_a_moment_that_is_no_datetime_is_named(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    moment: Any = "2024-01-01"
    with pytest.raises(InvalidParameters, match="'to_datetime' must be a datetime"):
        sdk.get_pipeline_logs("add", to_datetime=moment)
    assert platform.requests == []
