"""kill -9 of whatever runs for user code, in every state: each has its end, and nothing stays."""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pumphouse.contracts.catalog import Deployment
from pumphouse.contracts.executions import PlanResolved
from pumphouse.contracts.vocabulary import Mode, Status
from tests.integration.executor.building import USE, Building, from_shelf, shelf, wheel
from tests.integration.executor.platform import Platform, argv_of, is_alive, platform_in

WAITING = """
import os, time, atexit

def main(gate, late=False):
    def wait(state):
        open(f"{gate}-{state}", "w").close()
        while not os.path.exists(f"{gate}-open"):
            time.sleep(0.005)
    if late:
        atexit.register(wait, "leaving")
    else:
        wait("running")
    return {"v": 1}
"""

ADD = "def main():\n    return {'v': 1}"


def child(platform: Platform) -> psutil.Process:
    """The only one that has work."""
    (folder,) = [*platform.folders("run"), *platform.folders("pod")]
    (worker,) = platform.workers(folder)
    return worker


def zygote(platform: Platform) -> psutil.Process:
    found = child(platform).parent()
    assert found is not None
    return found


def first_in_view(platform: Platform) -> psutil.Process:
    """The first process of the view around the zygote."""
    found = zygote(platform).parent()
    assert found is not None
    assert found.name() == "bwrap"
    return found


def bubblewrap(platform: Platform) -> psutil.Process:
    found = first_in_view(platform).parent()
    assert found is not None
    assert found.name() == "bwrap"
    return found


AROUND = {
    "zygote": zygote,
    "first process of its view": first_in_view,
    "bubblewrap": bubblewrap,
}
around = pytest.mark.parametrize("victim", AROUND.values(), ids=AROUND.keys())


async def works(platform: Platform) -> None:
    """What comes afterwards succeeds, and nothing is left then."""
    finished = await platform.run(ADD, {}, {"v": "number"})
    assert finished.status is Status.SUCCEEDED, finished.error
    await platform.until(platform.is_at_rest)


async def begun(platform: Platform, *, late: bool = False) -> PlanResolved:
    """An execution that waits, in its function or after its answer."""
    code = await platform.code(WAITING)
    gate = platform.shared / "gate"
    plan = platform.plan(code, {"gate": str(gate), "late": late}, {"v": "number"})
    await platform.send(plan)
    state = "leaving" if late else "running"
    await platform.until((platform.shared / f"gate-{state}").exists)
    return plan


async def killed(platform: Platform, process: psutil.Process) -> None:
    process.kill()
    await platform.until(lambda: not is_alive(process))


async def test_a_child_that_runs_is_the_doing_of_its_code(platform: Platform) -> None:
    plan = await begun(platform)
    await killed(platform, child(platform))
    finished = await platform.end(plan)
    assert finished.status is Status.FAILED
    assert "SIGKILL" in (finished.error or "")
    await works(platform)


@around
async def test_what_stands_around_a_child_that_runs_is_the_platforms(
    platform: Platform,
    victim: Callable[[Platform], psutil.Process],
    caplog: pytest.LogCaptureFixture,
) -> None:
    plan = await begun(platform)
    await killed(platform, victim(platform))
    finished = await platform.end(plan)
    assert finished.status is Status.ERROR
    assert "Its operator can look up reference" in (finished.error or "")
    assert (finished.error or "").rstrip(".").rpartition(" ")[2] in caplog.text
    await works(platform)


LEAVING = {"child": child, **AROUND}


@pytest.mark.parametrize("victim", LEAVING.values(), ids=LEAVING.keys())
async def test_an_answer_that_was_given_counts(
    platform: Platform, victim: Callable[[Platform], psutil.Process]
) -> None:
    plan = await begun(platform, late=True)
    await killed(platform, victim(platform))
    finished = await platform.end(plan)
    assert finished.status is Status.SUCCEEDED, finished.error
    assert finished.outputs[0].value == 1
    await works(platform)


IDLE = {"spare": 0, "zygote": 1, "first process of its view": 2, "bubblewrap": 3}


@pytest.mark.parametrize("distance", IDLE.values(), ids=IDLE.keys())
async def test_what_had_no_work_is_replaced_unseen(platform: Platform, distance: int) -> None:
    await works(platform)
    victim = platform.forks()[0]
    for _ in range(distance):
        above = victim.parent()
        assert above is not None
        victim = above
    victim.kill()
    await works(platform)


async def test_a_zygote_that_loads_is_followed_by_another(
    building: Building, tmp_path: Path
) -> None:
    platform = building.platform
    loading, go = (platform.shared / name for name in ("loading", "go"))
    loading.touch()
    loading.chmod(0o666)  # for the user of the second zygote too
    source = f"""
import os, time
with open({str(loading)!r}, "a") as file:
    file.write("x")
while not os.path.exists({str(go)!r}):
    time.sleep(0.005)
VERSION = 1
"""
    lines = from_shelf(shelf(tmp_path / "shelf", wheel("tiny", source=source)), "tiny")
    code = await building.built(USE, lines)
    running = asyncio.create_task(building.run(code))
    await platform.until(lambda: loading.stat().st_size > 0)
    (environment,) = building.environments()
    started = {one: argv_of(one)[:1] for one in platform.processes()}
    (loads,) = [one for one, start in started.items() if start == [f"{environment}/bin/python"]]
    await killed(platform, loads)
    go.touch()
    assert (await running).status is Status.SUCCEEDED
    assert (await building.run(code)).status is Status.SUCCEEDED


async def pod_of(platform: Platform) -> tuple[Deployment, Callable[..., PlanResolved]]:
    code = await platform.code(WAITING)
    deployment = await platform.deploy(code)
    await platform.until(lambda: statuses(platform) == ["up"])

    def plan(name: str) -> PlanResolved:
        inputs = {"gate": str(platform.shared / name)}
        fields = {"mode": Mode.LOW_LATENCY, "deployment_id": deployment.id}
        return platform.plan(code, inputs, {"v": "number"}, **fields)

    return deployment, plan


def statuses(platform: Platform) -> list[str]:
    return [report.status.value for report in platform.pod_reports]


PODS = {"child": child, **AROUND}
of_pods = pytest.mark.parametrize("victim", PODS.values(), ids=PODS.keys())


@of_pods
async def test_a_pod_that_is_idle_comes_back(
    platform: Platform, victim: Callable[[Platform], psutil.Process]
) -> None:
    _, plan = await pod_of(platform)
    (platform.shared / "gate-open").touch()
    await platform.until(lambda: bool(platform.pods()))
    await killed(platform, victim(platform))
    await platform.until(lambda: statuses(platform) == ["up", "down_retrying", "up"])
    after = plan("gate")
    await platform.send(after)
    assert (await platform.end(after)).status is Status.SUCCEEDED


@of_pods
async def test_a_pod_at_work_ends_its_execution_and_comes_back(
    platform: Platform, victim: Callable[[Platform], psutil.Process]
) -> None:
    deployment, plan = await pod_of(platform)
    running = plan("gate")
    await platform.send(running)
    await platform.until((platform.shared / "gate-running").exists)
    await killed(platform, victim(platform))
    finished = await platform.end(running)
    if victim is child:
        assert finished.status is Status.FAILED
        assert "SIGKILL" in (finished.error or "")
    else:
        assert finished.status is Status.ERROR
        assert "Its operator can look up reference" in (finished.error or "")
    (platform.shared / "after-open").touch()
    after = plan("after")
    await platform.send(after)
    assert (await platform.end(after)).status is Status.SUCCEEDED
    await platform.until(lambda: statuses(platform) == ["up", "down_retrying", "up"])
    await platform.change(deleted_deployment_id=deployment.id)
    await platform.until(platform.is_at_rest)


EXECUTOR = """
import asyncio, pathlib, sys
from tests.integration.executor.platform import platform_in
from tests.integration.executor.test_kill_nine import begun, pod_of

async def main(folder, store_url, state):
    async with platform_in(folder, store_url) as platform:
        if state != "starting":
            async with platform.executor():
                if state in ("running", "leaving"):
                    await begun(platform, late=state == "leaving")
                if state == "serving":
                    await pod_of(platform)
                print("there", flush=True)
                await asyncio.sleep(600)
        starting = asyncio.create_task(platform.executor().__aenter__())
        await platform.until(lambda: bool(platform.processes()))
        print("there", flush=True)
        await asyncio.sleep(600)

asyncio.run(main(pathlib.Path(sys.argv[1]), *sys.argv[2:]))
"""


@pytest.mark.parametrize("state", ["starting", "idle", "running", "leaving", "serving"])
async def test_nothing_outlives_an_executor(tmp_path: Path, store_url: str, state: str) -> None:
    executor = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", EXECUTOR, str(tmp_path), store_url, state),
        stdout=asyncio.subprocess.PIPE,
    )
    assert executor.stdout is not None
    assert await executor.stdout.readline() == b"there\n"
    below = psutil.Process(executor.pid).children(recursive=True)
    assert below
    executor.kill()
    await executor.wait()
    deadline = time.monotonic() + 30
    while any(map(is_alive, below)):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    async with platform_in(tmp_path, store_url) as platform:
        assert len(list(platform.work_dir.glob("runs/*"))) == 1
        async with platform.executor():
            await works(platform)
            assert len(list(platform.work_dir.glob("runs/*"))) == 1
        assert list(platform.work_dir.glob("runs/*")) == []
