"""Spare interpreters, and folders of executors that are gone."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from pumphouse.contracts.vocabulary import Status
from pumphouse.executor.faults import PlatformFault, SandboxLost
from pumphouse.executor.frames import Start
from pumphouse.executor.process import RUNNER, RunnerProcess
from pumphouse.executor.workspace import open_workspace
from tests.integration.executor.platform import Platform, is_alive

START = Start(folder="/", file="main.py", function="main", environment={})


async def kill_spares(platform: Platform) -> None:
    spares = platform.processes()
    for spare in spares:
        spare.kill()
    await platform.until(lambda: not any(map(is_alive, spares)))


async def test_a_spare_that_died_is_replaced_unseen(platform: Platform) -> None:
    await kill_spares(platform)
    finished = await platform.run("def main():\n    return {'v': 1}", {}, {"v": "number"})
    assert finished.status is Status.SUCCEEDED
    await platform.until(lambda: len(platform.processes()) == platform.settings.elastic_spares)


async def test_an_interpreter_that_cannot_be_started_is_a_fault_that_leaks_nothing() -> None:
    handles = len(os.listdir("/proc/self/fd"))
    with pytest.raises(PlatformFault):
        RunnerProcess(Path("/nowhere/python"))
    assert len(os.listdir("/proc/self/fd")) == handles


async def test_an_interpreter_that_ends_at_once_is_lost_before_it_has_work(tmp_path: Path) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\nexit 3\n")
    script.chmod(0o755)
    process = RunnerProcess(script)
    with pytest.raises(SandboxLost):
        await process.send(START)
    assert await process.finish(5) == 3


async def test_without_an_interpreter_executions_end_as_errors(platform: Platform) -> None:
    for interpreter in platform.work_dir.glob("environments/*/bin/python"):
        interpreter.unlink()
    await kill_spares(platform)
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


WATCHING = """
import importlib.util, sys, time
spec = importlib.util.spec_from_file_location("runner", sys.argv[1])
runner = importlib.util.module_from_spec(spec)
spec.loader.exec_module(runner)
runner.watch(int(sys.argv[2]))
print("watching", flush=True)
while True:
    time.sleep(60)
"""


async def test_without_the_kernels_help_a_runner_sees_the_socket_close() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            WATCHING,
            str(RUNNER),
            str(theirs.fileno()),
            pass_fds=[theirs.fileno()],
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout is not None
        assert await process.stdout.readline() == b"watching\n"
        theirs.close()
        ours.close()
        assert await asyncio.wait_for(process.wait(), 30) == -signal.SIGKILL
