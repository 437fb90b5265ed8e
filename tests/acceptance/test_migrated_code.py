"""The acceptance suite of the official client, with our client under its name."""

from pathlib import Path

import pytest

from tests.acceptance.conftest import Platform
from tests.acceptance.official_client import run_suite

OURS = "from pumphouse.sdk import *\n"

INSIDE = "it uses what is private to the official client"

LEFT_OUT = {
    "test_open_account.py::test_access_token_is_reused": INSIDE,
    "test_open_account.py::test_error_body_shape": INSIDE,
    "test_open_pipelines.py::test_project_information_route": INSIDE,
}

FILES = (
    "test_open_run.py",
    "test_open_endpoint.py",
    "test_open_account.py",
    "test_open_pipelines.py",
    "test_open_storage.py",
)
"""Those in which the client matters most; the others are about HTTP, schedules and pods."""


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("platform", ["embedded"], indirect=True, scope="session")
def test_code_of_the_official_client_needs_another_import_only(
    platform: Platform, tmp_path: Path
) -> None:
    package = tmp_path / "craft_ai_sdk"
    package.mkdir()
    (package / "__init__.py").write_text(OURS)
    run_suite(platform, LEFT_OUT, {"PYTHONPATH": str(tmp_path)}, FILES)
