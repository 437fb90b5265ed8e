"""Spare processes, zygotes that end, and folders of executors that are gone."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from pumphouse.contracts.vocabulary import Status
from pumphouse.executor.child import Child
from pumphouse.executor.enclosure import Enclosure
from pumphouse.executor.faults import PlatformFault
from pumphouse.executor.isolation import Isolation, Level
from pumphouse.executor.walls import Limits
from pumphouse.executor.workspace import open_workspace
from pumphouse.executor.zygote import Zygote
from tests.integration.executor.platform import Platform, is_alive, open_descriptors


async def kill_spares(platform: Platform) -> None:
    spares = platform.forks()
    for spare in spares:
        with suppress(psutil.NoSuchProcess):
            spare.kill()
    await platform.until(lambda: not any(map(is_alive, spares)))


async def test_a_spare_that_died_is_replaced_unseen(platform: Platform) -> None:
    await kill_spares(platform)
    finished = await platform.run("def main():\n    return {'v': 1}", {}, {"v": "number"})
    assert finished.status is Status.SUCCEEDED
    await platform.until(platform.is_at_rest)


async def test_a_zygote_that_cannot_be_started_is_a_fault_that_leaks_nothing(
    tmp_path: Path,
) -> None:
    before = open_descriptors()
    enclosure = Enclosure(
        *(Isolation(level=Level.PLAIN), Path("/nowhere/python"), tmp_path / "zygote", Limits()),
        user=None,
    )
    zygote = Zygote(enclosure, Path("/nowhere/python"))
    with pytest.raises(PlatformFault):
        await zygote.load([], {})
    await zygote.ended
    assert open_descriptors() <= before


async def test_a_folder_is_taken_back_from_nobody_who_lives(tmp_path: Path) -> None:
    """As when an executor stops while it waits for an execution to end."""
    enclosure = Enclosure(
        *(Isolation(level=Level.PLAIN), Path(sys.executable), tmp_path / "zygote", Limits()),
        user=None,
    )
    zygote = Zygote(enclosure, Path(sys.executable))
    await zygote.load([], {})
    lived: list[bool] = []

    def later(clear: Callable[[], None]) -> None:
        lived.append(not child.ended.done())
        clear()

    child = Child(zygote, "run", later)
    await child.ready()
    waiting = asyncio.create_task(child.finish(60))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.wait([child.ended], timeout=30)
    await asyncio.sleep(0)
    assert lived == [False]
    assert not child.folder.exists()
    zygote.retire()
    await zygote.ended


async def test_without_an_interpreter_executions_end_as_errors(platform: Platform) -> None:
    for interpreter in platform.work_dir.glob("environments/*/bin/python"):
        interpreter.unlink()
    left = platform.processes()
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    await platform.until(lambda: not any(map(is_alive, left)))
    finished = await platform.run("def main():\n    pass")
    assert finished.status is Status.ERROR
    assert "reference" in (finished.error or "")
    await platform.until(lambda: not platform.folders("run"))


async def test_folders_of_dead_executors_go_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    async with open_workspace(tmp_path) as living:
        kept = living.new("run")
        kept.mkdir()
        left = tmp_path / "runs" / "1-dead"
        (left / "run-x").mkdir(parents=True)
        (left / ".lock").touch()
        (left / "run-x").chmod(0)
        async with open_workspace(tmp_path):
            assert kept.is_dir()
            assert not left.exists()
    assert list((tmp_path / "runs").iterdir()) == []
