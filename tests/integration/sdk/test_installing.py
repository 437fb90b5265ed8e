"""The SDK alone, in a virtual environment of its own."""

import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.integration.sdk.holding_platform import holding_platform

ROOT = Path(__file__).parents[3]

TYPED_PROGRAM = """
from pumphouse.sdk import AsyncPumphouseSdk, PumphouseSdk

sdk = PumphouseSdk("http://pump.test", "token")
reveal_type(sdk.run_pipeline("add")["outputs"])
reveal_type(sdk.get_deployment("add")["status"])
sdk.run_pipeline(1)


async def main() -> None:
    async with AsyncPumphouseSdk("http://pump.test", "token") as twin:
        reveal_type((await twin.get_pipeline("add"))["creation_info"]["commit_id"])
        twin.list_pipelines()[0]
"""

CALLING_PROGRAM = """
import asyncio, sys
from pumphouse.sdk import AsyncPumphouseSdk, PumphouseSdk

with PumphouseSdk(sys.argv[1], "token") as sdk:
    print(sdk.who_am_i()["name"])


async def main():
    async with AsyncPumphouseSdk(sys.argv[1], "token") as sdk:
        print((await sdk.who_am_i())["name"])


asyncio.run(main())
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python in which nothing is installed but the SDK."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    _run(python, "-m", "pip", "install", "--quiet", "--no-cache-dir", str(ROOT / "sdk"))
    return python


def _run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(300)
def test_the_sdk_installs_alone(python: Path) -> None:
    program = (
        "import importlib.util, pumphouse, pumphouse.sdk as sdk; print(sdk.__version__, "
        "pumphouse.__file__, importlib.util.find_spec('pumphouse.contracts'), sdk.__file__)"
    )
    version, namespace, contracts, file = _run(python, "-I", "-c", program).split()
    assert version == "0.1.0"
    assert (namespace, contracts) == ("None", "None")
    assert not Path(file).is_relative_to(ROOT)


@pytest.mark.timeout(300)
def test_it_brings_only_light_dependencies(python: Path) -> None:
    listed = _run(python, "-m", "pip", "list", "--format=freeze").split()
    names = {line.partition("==")[0].lower() for line in listed}
    tools = {"pip", "setuptools", "wheel"}
    transport = {"anyio", "certifi", "h11", "httpcore", "httpx", "idna", "sniffio"}
    assert names - tools - transport - {"typing_extensions"} == {"msgspec", "pumphouse-sdk", "tqdm"}


@pytest.mark.timeout(300)
def test_both_clients_work_alone(python: Path) -> None:
    with holding_platform() as platform:
        assert _run(python, "-I", "-c", CALLING_PROGRAM, platform.url) == "Ada\nAda\n"


@pytest.mark.timeout(300)
def test_a_type_checker_sees_its_types(python: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(TYPED_PROGRAM)
    checked = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--python-executable",
            python,
            "--cache-dir",
            tmp_path,
            program,
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert 'dict[str, Any]"' in checked.stdout.replace("builtins.", "")
    assert 'is "str"' in checked.stdout.replace("builtins.", "")
    assert 'is "str | None"' in checked.stdout.replace("builtins.", "")
    assert "No overload variant" in checked.stdout
    assert '"Coroutine[Any, Any, list[PipelineSummary]]" is not indexable' in checked.stdout
    assert "missing library stubs" not in checked.stdout


def test_no_folder_named_pumphouse_is_a_package() -> None:
    roots = [ROOT / name / "pumphouse" for name in ("services", "shared", "sdk")]
    assert [root for root in roots if not root.is_dir()] == []
    assert [root for root in roots if (root / "__init__.py").exists()] == []
