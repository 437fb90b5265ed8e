"""What the tests of the guides share: clients, an `add` pipeline, and Node with its packages."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pumphouse.sdk import Input, NotFound, Output, PumphouseSdk
from tests.acceptance.conftest import Platform
from tests.acceptance.guides.callers import CALLERS, Caller, Place
from tests.stack import Stack

ADD = "def add(number1, number2):\n    return {'number3': number1 + number2}\n"

NODE_PACKAGES = ("axios@1", "amqplib@0.10")


@pytest.fixture(scope="session")
def sdk(platform: Platform) -> Iterator[PumphouseSdk]:
    with PumphouseSdk(platform.url, platform.token) as client:
        yield client


@pytest.fixture
def nothing_left(sdk: PumphouseSdk) -> Iterator[None]:
    """Deletes the pipelines, deployments, variables and stored files that a test leaves behind."""
    yield
    for row in sdk.list_pipelines():
        with suppress(NotFound):
            sdk.delete_pipeline(row["pipeline_name"], force_deployments_deletion=True)
    for variable in sdk.list_environment_variables():
        sdk.delete_environment_variable(variable["name"])
    for item in sdk.list_data_store_objects():
        sdk.delete_data_store_object(item["path"])


@pytest.fixture
def add(sdk: PumphouseSdk, nothing_left: None, tmp_path: Path) -> str:
    """The name of a pipeline that adds `number1` and `number2` to `number3`."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "main.py").write_text(ADD)
    sdk.create_pipeline(
        "add",
        function_path="main.py",
        function_name="add",
        container_config={"local_folder": folder},
        inputs=[Input("number1", "number"), Input("number2", "number")],
        outputs=[Output("number3", "number")],
    )
    return "add"


@pytest.fixture(scope="session")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose scripts can use axios and amqplib."""
    missing = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    if missing:
        pytest.fail(f"{' and '.join(missing)} not found: install them, apt-get install nodejs npm")
    folder = tmp_path_factory.mktemp("node")
    (folder / "package.json").write_text("{}")
    installing = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *NODE_PACKAGES],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert installing.returncode == 0, installing.stderr
    return folder


@pytest.fixture(params=sorted(CALLERS))
def call(request: pytest.FixtureRequest, platform: Platform) -> Caller:
    """Calls an endpoint as one of its kinds of callers does: (endpoint, inputs) to outputs."""
    is_node = request.param == "axios"
    folder = request.getfixturevalue("node_folder") if is_node else Path()
    return CALLERS[request.param](Place(platform.url, platform.token, folder))


@pytest.fixture
def broker(platform: Platform) -> str:
    """The AMQP URL that other services know. Only the full stack has one."""
    assert isinstance(platform, Stack), "this test is for the full stack alone"
    return platform.amqp_url


@pytest.fixture
def environment(platform: Platform) -> dict[str, str]:
    """The environment of a program that uses the platform."""
    return {**os.environ, "PUMPHOUSE_URL": platform.url, "PUMPHOUSE_TOKEN": platform.token}
