"""Builds that are slow, take too long, or lose their executor."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from msgspec.structs import replace

from pumphouse.contracts.vocabulary import PipelineStatus, Status
from pumphouse.executor.environments import Environments
from pumphouse.executor.workspace import open_workspace
from tests.integration.executor.building import Building
from tests.integration.executor.platform import platform_in

FIRST, SECOND = (f"{4400 + position}.{os.getpid()}" for position in range(2))
"""Seconds that nobody else sleeps."""

SLOW = """
import os, pathlib, subprocess, time

QUIET = dict.fromkeys(("stdout", "stderr"), subprocess.DEVNULL)

def build_wheel(folder, config_settings=None, metadata_directory=None):
    print("compiling", flush=True)
    subprocess.Popen(["sleep", {first!r}], start_new_session=True, **QUIET)
    subprocess.Popen(["sleep", {second!r}], **QUIET)
    pathlib.Path({begun!r}).touch()
    while not pathlib.Path({go!r}).exists():
        time.sleep(0.01)
    raise SystemExit("there is nothing")

get_requires_for_build_wheel = lambda config_settings=None: []
"""


def slow_source(folder: Path) -> tuple[dict[str, str], Path, Path]:
    """Code with a package that is built until told to go on; the marks of its begin and end.

    folder: that builds may write to.
    """
    begun, go = folder / "begun", folder / "go"
    return (
        {
            "main.py": "def main():\n    return {'v': 1}",
            "lib/pyproject.toml": '[project]\nname = "tiny"\nversion = "3"\n[build-system]\n'
            'requires = []\nbuild-backend = "made"\nbackend-path = ["."]\n',
            "lib/made.py": SLOW.format(first=FIRST, second=SECOND, begun=str(begun), go=str(go)),
        },
        begun,
        go,
    )


def sleepers() -> list[psutil.Process]:
    """What the slow package has started and left running."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        command = process.info["cmdline"] or []
        is_ours = command[:1] == ["sleep"] and command[1:] in ([FIRST], [SECOND])
        if is_ours and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


async def test_a_slow_build_holds_up_no_execution(building: Building) -> None:
    files, begun, go = slow_source(building.platform.shared)
    pipeline = await building.pipeline(files, "./lib\n")
    await building.ask(pipeline)
    await building.platform.until(begun.exists, 30)
    finished = await building.platform.run("def main():\n    return {'v': 1}", {}, {"v": "json"})
    assert finished.status is Status.SUCCEEDED
    await building.platform.until(
        lambda: any("Building" in line for line in building.log(pipeline))
    )
    assert building.ends(pipeline) == []
    go.touch()
    assert (await building.end(pipeline)).status is PipelineStatus.FAILED
    await building.platform.until(lambda: sleepers() == [])


async def test_builds_have_a_lower_priority(building: Building) -> None:
    files, begun, go = slow_source(building.platform.shared)
    pipeline = await building.pipeline(files, "./lib\n")
    await building.ask(pipeline)
    await building.platform.until(begun.exists, 30)
    own = psutil.Process().nice()
    niceness = [process.nice() for process in sleepers()]
    go.touch()
    await building.end(pipeline)
    assert len(niceness) == 2
    assert all(nice > own for nice in niceness)


async def test_a_build_that_takes_too_long_is_stopped(tmp_path: Path, store_url: str) -> None:
    async with platform_in(tmp_path, store_url) as platform:
        files, begun, _ = slow_source(platform.shared)
        platform.settings = replace(platform.settings, build_timeout_s=8)
        async with platform.executor():
            building = Building(platform)
            await building.serve()
            pipeline = await building.pipeline(files, "./lib\n")
            await building.ask(pipeline)
            end = await building.end(pipeline)
            assert begun.exists()
            assert end.message == "The build exceeded its time limit of 8 s and was stopped."
            assert sleepers() == []
            assert building.environments() == []
            await platform.until(lambda: not platform.folders("build"))


async def test_an_executor_that_is_stopped_gives_its_build_back(
    tmp_path: Path, store_url: str
) -> None:
    async with platform_in(tmp_path, store_url) as platform:
        files, begun, go = slow_source(platform.shared)
        platform.settings = replace(platform.settings, shutdown_grace_s=100)
        building = Building(platform)
        await building.serve()
        async with platform.executor():
            pipeline = await building.pipeline(files, "./lib\n")
            await building.ask(pipeline)
            await platform.until(begun.exists, 30)
            begin = time.monotonic()
        assert time.monotonic() - begin < 50
        assert sleepers() == []
        assert platform.processes() == []
        assert building.ends(pipeline) == []
        begun.unlink()
        async with platform.executor():
            await platform.until(begun.exists, 30)
            go.touch()
            assert (await building.end(pipeline)).status is PipelineStatus.FAILED


INSTALLING = """
import asyncio, sys
from pathlib import Path
from pumphouse.executor.environments import Environments
from pumphouse.executor.commands import run_command
from pumphouse.executor.workspace import open_workspace

async def make(folder):
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").touch()
    first, second = sys.argv[2:]
    command = ["sh", "-c", f"sleep {first} & setsid sleep {second} & sleep {second}"]
    await run_command(command, print, folder=folder, environment={"PATH": "/usr/bin:/bin"})

async def main():
    work_dir = Path(sys.argv[1])
    async with open_workspace(work_dir) as workspace:
        await Environments(work_dir / "environments", workspace, 1).hold("a" * 64, make)

asyncio.run(main())
"""


async def test_a_killed_executor_leaves_nothing_that_could_be_used(tmp_path: Path) -> None:
    killed = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", INSTALLING, str(tmp_path), FIRST, SECOND)
    )
    try:
        await until(lambda: len(sleepers()) == 3)
    finally:
        killed.send_signal(signal.SIGKILL)
        await killed.wait()
    await until(lambda: sleepers() == [])
    made = []

    async def make(folder: Path) -> None:
        assert not folder.exists()
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "python").touch()
        made.append(folder)

    async with open_workspace(tmp_path) as workspace:
        environments = Environments(tmp_path / "environments", workspace, 1)
        helds = await asyncio.gather(*(environments.hold("a" * 64, make) for _ in range(3)))
        assert len(made) == 1
        for held in helds:
            assert held.interpreter.exists()
            held.release()


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        await asyncio.sleep(0.01)
