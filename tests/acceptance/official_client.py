"""The official client in its versions, and its acceptance suite run with one of them."""

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Platform

ROOT = Path(__file__).parents[2]
SUITE = (Path(__file__).parents[3] / "shared" / "acceptance").resolve()
OLD_CLIENT = ROOT / ".venv" / "old-client"

FILES = (
    "test_open_run.py",
    "test_open_endpoint.py",
    "test_open_http.py",
    "test_open_periodic.py",
    "test_open_account.py",
    "test_open_pipelines.py",
    "test_open_low_latency.py",
    "test_open_storage.py",
)


def run_suite(
    platform: Platform,
    left_out: Mapping[str, str] | None = None,
    settings: Mapping[str, str] | None = None,
    only: Sequence[str] = FILES,
) -> None:
    """Fails where the suite does; is skipped where the suite does not lie beside the project.

    left_out: cases of the suite, and why each is not run. settings: more environment variables.
    only: the files of the suite to run.
    """
    left_out = left_out or {}
    if not SUITE.is_dir():
        pytest.skip("the official client's acceptance suite is not beside this project")
    more = settings or {}
    paths = (more.get("PYTHONPATH"), os.environ.get("PYTHONPATH"))
    finished = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("-n", "8", "--maxschedchunk", "1", "-p", "tests.acceptance.suite_order"),
            *("--rootdir", str(SUITE), "-c", os.devnull, "--timeout", "300", "-rfE"),
            *(f"--deselect={case}" for case in left_out),
            *only,
        ],
        cwd=SUITE,
        env={
            **os.environ,
            "PLATFORM_URL": platform.url,
            "PLATFORM_TOKEN": platform.token,
            "PYTHONDONTWRITEBYTECODE": "1",
            **more,
            "PYTHONPATH": os.pathsep.join(filter(None, (*paths, str(ROOT)))),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    print(finished.stdout[-4000:])
    for case, reason in left_out.items():
        print(f"left out: {case}: {reason}")
    assert finished.returncode == 0, finished.stdout[-12000:] + finished.stderr[-2000:]


def old_client_folder() -> Path:
    """Where client 0.60.0 is installed, beside the newer one of .venv. Fails when it is not."""
    if not (OLD_CLIENT / "craft_ai_sdk").is_dir():
        pytest.fail(f"client 0.60.0 is not in {OLD_CLIENT}: run make .venv/.installed-old-client")
    return OLD_CLIENT


def old_client_module() -> Any:
    """The module craft_ai_sdk of 0.60.0; whoever imports that name still gets the newer one."""
    newer = _take_out()
    sys.path.insert(0, str(old_client_folder()))
    try:
        return importlib.import_module("craft_ai_sdk")
    finally:
        sys.path.remove(str(OLD_CLIENT))
        _take_out()
        sys.modules.update(newer)


def _take_out() -> dict[str, Any]:
    names = [name for name in sys.modules if name.partition(".")[0] == "craft_ai_sdk"]
    return {name: sys.modules.pop(name) for name in names}


@contextmanager
def client_of(module: Any, platform: Platform) -> Iterator[Any]:
    """A client of the version `module`; the client itself closes nothing."""
    client = module.CraftAiSdk(
        sdk_token=platform.token,
        environment_url=platform.url,
        control_url=platform.url,
        verbose_log=False,
    )
    try:
        yield client
    finally:
        client._session.close()
