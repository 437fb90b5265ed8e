"""The executor as a user without any privilege: tests that root runs once more in that place.

In a user namespace, what is root's looks like the user's own, and no capability is left.
"""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.processes import clean_environment

ORDINARY = 1000
AS_ORDINARY_USER = ["unshare", "--user", f"--map-user={ORDINARY}", f"--map-group={ORDINARY}"]
HERE = Path(__file__).parent

TESTS = {
    "test_endings.py": "exit or crash or kill or abort or exception or limit or channel",
    "test_isolation.py": "not plain",
    "test_pods.py": "state or dies or limit or deleted",
    "test_elastic.py": "trace or whole_tree or environment",
}
"""By the module, which of its tests."""


def can_be_ordinary() -> bool:
    if os.geteuid() != 0:
        return False
    tried = subprocess.run([*AS_ORDINARY_USER, "true"], capture_output=True)
    return tried.returncode == 0


pytestmark = [
    pytest.mark.skipif(
        not can_be_ordinary(), reason="only root can, or need, become somebody else"
    ),
    pytest.mark.timeout(280),
]


@pytest.mark.parametrize("module", TESTS)
async def test_an_ordinary_user_can_have_an_executor(
    module: str, tmp_path: Path, s3_url: str
) -> None:
    report = tmp_path / "report.xml"
    run = await asyncio.create_subprocess_exec(
        *AS_ORDINARY_USER,
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"),
        *("--basetemp", str(tmp_path / "inner"), "--junitxml", str(report)),
        *("-k", TESTS[module]) if TESTS[module] else (),
        str(HERE / module),
        cwd=HERE.parents[2],
        env=clean_environment(PUMPHOUSE_TEST_S3_URL=s3_url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await run.communicate()
    assert run.returncode == 0, said.decode()[-8000:]
    (suite,) = ElementTree.parse(report).iter("testsuite")
    counted = {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    assert counted["failures"] == counted["errors"] == 0
    assert counted["tests"] - counted["skipped"] >= 4, said.decode()[-8000:]


async def test_it_is_one() -> None:
    show = "import os; print(os.geteuid(), open('/proc/self/status').read())"
    run = await asyncio.create_subprocess_exec(
        *(*AS_ORDINARY_USER, sys.executable, "-c", show), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await run.communicate()
    assert said.startswith(f"{ORDINARY} ".encode())
    assert b"CapEff:\t0000000000000000" in said
