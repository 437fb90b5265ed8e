"""Environments from requirements, in both modes: what is in them, who shares them, how long."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from pumphouse.contracts.catalog import Code
from pumphouse.contracts.vocabulary import Mode, Status
from tests.integration.executor.building import USE, Building, from_shelf, shelf, wheel
from tests.integration.executor.platform import platform_in

IMPORTS = """
import importlib.util

def main():
    names = ["pumphouse", "msgspec", "uv", "pip", "tiny"]
    return {"v": [name for name in names if importlib.util.find_spec(name)]}
"""


async def value(building: Building, code: Code, mode: Mode = Mode.ELASTIC) -> object:
    finished = await building.run(code, mode)
    assert finished.status is Status.SUCCEEDED, finished.error
    return finished.outputs[0].value


@pytest.mark.parametrize("mode", Mode)
async def test_requirements_can_be_imported(building: Building, tiny: Path, mode: Mode) -> None:
    code = await building.built(USE, from_shelf(tiny, "tiny==1.0"))
    assert await value(building, code, mode) == "1.0"


@pytest.mark.parametrize("mode", Mode)
async def test_nothing_of_the_platform_can_be_imported(
    building: Building, tiny: Path, mode: Mode
) -> None:
    code = await building.built(IMPORTS, from_shelf(tiny, "tiny"))
    assert await value(building, code, mode) == ["tiny"]


async def test_scripts_of_packages_find_their_interpreter(building: Building, tiny: Path) -> None:
    source = """
        import subprocess, sys

        def main():
            said = subprocess.run(["python", "-c", "import tiny, sys; print(sys.prefix)"],
                                  capture_output=True, check=True, text=True)
            return {"v": said.stdout.strip() == sys.prefix}
        """
    assert await value(building, await building.built(source, from_shelf(tiny, "tiny"))) is True


async def test_pipelines_with_the_same_lock_share_one_environment(
    building: Building, tiny: Path
) -> None:
    codes = [
        await building.built(USE, from_shelf(tiny, line))
        for line in ("tiny", "tiny >= 2", "tiny<2")
    ]
    environments = [code.environment for code in codes]
    assert environments[0] == environments[1]
    assert environments[0] != environments[2]
    assert len(building.environments()) == 2
    assert [await value(building, code) for code in codes] == ["2.0", "2.0", "1.0"]


async def test_an_environment_cannot_be_written(building: Building, tiny: Path) -> None:
    await building.built(USE, from_shelf(tiny, "tiny"))
    (folder,) = building.environments()
    writable = [
        path
        for path in (folder, *folder.rglob("*"))
        if not path.is_symlink() and stat.S_IMODE(path.stat().st_mode) & 0o222
    ]
    assert writable == []
    assert list(folder.rglob("tiny*.pyc"))


@asynccontextmanager
async def other_executor(folder: Path, store_url: str, shelf: Path) -> AsyncIterator[Building]:
    """One that has built nothing yet, and can read the wheels of the first."""
    folder.mkdir()
    async with platform_in(folder, store_url) as other:
        other.settings = replace(other.settings, readable_paths=(shelf,))
        async with other.executor():
            yield Building(other)


async def test_an_executor_that_never_built_it_runs_from_the_lock(
    building: Building, tiny: Path, tmp_path: Path, store_url: str
) -> None:
    code = await building.built(USE, from_shelf(tiny, "tiny==1.0"))
    async with other_executor(tmp_path / "other", store_url, tiny) as elsewhere:
        for mode in Mode:
            assert await value(elsewhere, code, mode) == "1.0"
        assert [path.name for path in elsewhere.environments()] == [
            path.name for path in building.environments()
        ]


async def test_what_changed_since_the_lock_was_made_is_not_installed(
    building: Building, tiny: Path, tmp_path: Path, store_url: str
) -> None:
    code = await building.built(USE, from_shelf(tiny, "tiny==1.0"))
    shelf(tiny, wheel("tiny", "1.0", source="VERSION = 'forged'\n"))
    async with other_executor(tmp_path / "other", store_url, tiny) as elsewhere:
        finished = await elsewhere.run(code)
        assert finished.status is Status.ERROR
        await elsewhere.platform.until(lambda: elsewhere.environments() == [])


async def test_an_environment_whose_lock_is_gone_is_an_error(
    building: Building, tiny: Path
) -> None:
    code = await building.built(USE, from_shelf(tiny, "tiny==1.0"))
    assert code.environment is not None
    assert code.environment.lock is not None
    await building.platform.storage.platform.delete(code.environment.lock.key)
    elsewhere = replace(code.environment, id="0" * 64)
    finished = await building.run(replace(code, environment=elsewhere))
    assert finished.status is Status.ERROR
    assert "reference" in (finished.error or "")


async def test_waiting_interpreters_are_those_of_environments_used_last(
    tmp_path: Path, store_url: str, tiny: Path
) -> None:
    async with platform_in(tmp_path, store_url) as platform:
        platform.settings = replace(platform.settings, warm_environments=1, elastic_spares=1)
        async with platform.executor():
            building = Building(platform)
            await building.serve()
            for line in ("tiny==1.0", "tiny==2.0", "other"):
                code = await building.built("def main():\n return {'v': 1}", from_shelf(tiny, line))
                assert await value(building, code) == 1
            await platform.until(lambda: platform.is_at_rest(spares=2))
        assert platform.processes() == []


@pytest.fixture
async def crowded(tmp_path: Path, store_url: str) -> AsyncIterator[Building]:
    """An executor that keeps one environment, and interpreters of one."""
    async with platform_in(tmp_path, store_url) as platform:
        platform.settings = replace(
            platform.settings, warm_environments=1, elastic_spares=1, kept_environments=1
        )
        async with platform.executor():
            building = Building(platform)
            await building.serve()
            yield building


def age(building: Building) -> None:
    for folder in building.environments():
        os.utime(folder / ".complete", (1, 1))


async def test_environments_unused_for_long_go_and_come_back(crowded: Building, tiny: Path) -> None:
    first = await crowded.built(USE, from_shelf(tiny, "tiny==1.0"))
    second = await crowded.built(USE, from_shelf(tiny, "tiny==2.0"))
    assert len(crowded.environments()) == 2
    age(crowded)
    await crowded.built("def main(): pass", from_shelf(tiny, "other"))
    assert first.environment is not None
    assert second.environment is not None
    left = {folder.name for folder in crowded.environments()}
    assert not left & {first.environment.id, second.environment.id}
    assert await value(crowded, first) == "1.0"
    assert not list(crowded.platform.work_dir.glob("environments/.removed-*/bin"))


async def test_an_environment_in_use_stays(crowded: Building, tiny: Path) -> None:
    go = crowded.platform.shared / "go"
    sleeping = f"""
        import time
        import tiny
        def main():
            import pathlib
            while not pathlib.Path({str(go)!r}).exists():
                time.sleep(0.01)
            import other
            return {{"v": tiny.VERSION}}
        """
    used = await crowded.built(sleeping, from_shelf(tiny, "tiny==1.0", "other"))
    running = asyncio.create_task(crowded.run(used))
    try:
        await crowded.platform.until(lambda: bool(crowded.platform.folders("run")))
        for line in ("tiny==2.0", "other"):
            code = await crowded.built("def main():\n return {'v': 1}", from_shelf(tiny, line))
            assert await value(crowded, code) == 1
            age(crowded)
        await crowded.built("def main(): pass", from_shelf(tiny, "tiny==2.0", "other"))
        assert used.environment is not None
        assert used.environment.id in {folder.name for folder in crowded.environments()}
    finally:
        go.touch()
        finished = await running
    assert finished.status is Status.SUCCEEDED, finished.error
    age(crowded)
    await crowded.built("def main(): pass", from_shelf(tiny, "tiny==1.0"))
    assert used.environment.id not in {folder.name for folder in crowded.environments()}
