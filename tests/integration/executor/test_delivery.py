"""Plans that are delivered again, and executors that go away."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from msgspec.structs import replace

from pumphouse.bus import Envelope
from pumphouse.bus.memory_queue import Letter
from pumphouse.bus.topology import elastic_partition
from pumphouse.contracts.codec import encode
from pumphouse.contracts.executions import ExecutionFinished, ExecutionStarted, PlanResolved
from pumphouse.contracts.vocabulary import Mode, Status
from tests.integration.executor.platform import Platform, is_alive, platform_in

SLOW = """
import time
def main():
    time.sleep(0.5)
    return {"v": 1}
"""


async def redeliver(platform: Platform, plan: PlanResolved, delivery: int = 2) -> None:
    """Put the plan into its queue as one that has been delivered before."""
    bus: Any = platform.bus
    partition = elastic_partition(plan.pipeline_id)
    envelope = Envelope(message_id=plan.execution_id, delivery=delivery)
    queue = bus._queues[f"plans.{partition}"]
    queue.put(Letter(encode(plan), PlanResolved, partition, envelope))


async def settled(platform: Platform) -> None:
    """Return when the executor has nothing in hand."""
    bus: Any = platform.bus

    def is_so() -> bool:
        queues = [queue for name, queue in bus._queues.items() if name.startswith("plans.")]
        return not any(
            queue.has_backlog or queue._resting or any(seat.in_hand for seat in queue._seats)
            for queue in queues
        )

    await platform.until(is_so)


async def test_a_plan_delivered_twice_at_once_runs_once(platform: Platform) -> None:
    plan = platform.plan(await platform.code(SLOW), outputs={"v": "number"})
    platform.record(plan, Status.PENDING)
    await platform.send(plan)
    await redeliver(platform, plan)
    await settled(platform)
    assert [end.attempt for end in platform.ends(plan)] == [1]


async def test_whoever_joins_a_run_gets_its_reply(platform: Platform) -> None:
    plan = platform.plan(await platform.code(SLOW), outputs={"v": "number"})
    replies = [platform.bus.expect(name) for name in ("first", "second")]
    for name in ("first", "second"):
        await platform.send(plan, reply_to=platform.bus.reply_address, correlation_id=name)
    for reply in replies:
        finished = await asyncio.wait_for(reply, 60)
        assert isinstance(finished, ExecutionFinished)
        assert finished.outputs[0].value == 1
    await settled(platform)
    assert len(platform.ends(plan)) == 1


async def test_a_trigger_issued_again_while_it_runs_ends_with_the_newer_attempt(
    platform: Platform,
) -> None:
    code = await platform.code(SLOW)
    plan = platform.plan(code)
    await platform.send(plan)
    await platform.send(platform.plan(code, execution_id=plan.execution_id, attempt=2))
    assert (await platform.end(plan)).attempt == 2


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.FAILED, Status.ERROR])
async def test_a_plan_delivered_again_after_its_end_is_dropped(
    platform: Platform, status: Status
) -> None:
    plan = platform.plan(await platform.code(SLOW))
    platform.record(plan, status)
    await redeliver(platform, plan)
    await settled(platform)
    assert platform.events == []


@pytest.mark.parametrize("status", [Status.PENDING, Status.RUNNING])
async def test_a_plan_delivered_again_before_its_end_runs_as_the_next_attempt(
    platform: Platform, status: Status
) -> None:
    plan = platform.plan(await platform.code(SLOW))
    platform.record(plan, status, attempt=2)
    await redeliver(platform, plan)
    finished = await platform.end(plan)
    assert finished.status is Status.SUCCEEDED
    assert finished.attempt == 3
    started = next(event for event in platform.events if isinstance(event, ExecutionStarted))
    assert started.attempt == 3


async def test_an_execution_that_was_lost_three_times_ends_as_an_error(platform: Platform) -> None:
    plan = platform.plan(await platform.code(SLOW))
    platform.record(plan, Status.RUNNING, attempt=3)
    await redeliver(platform, plan)
    finished = await platform.end(plan)
    assert finished.status is Status.ERROR
    assert finished.attempt == 3
    assert "executor was lost" in (finished.error or "")


async def test_a_record_that_comes_late_is_waited_for(platform: Platform) -> None:
    plan = platform.plan(await platform.code(SLOW))
    await redeliver(platform, plan)
    await asyncio.sleep(0)
    platform.record(plan, Status.PENDING)
    assert (await platform.end(plan)).status is Status.SUCCEEDED


async def test_an_execution_that_the_registry_forgot_is_dropped(platform: Platform) -> None:
    plan = platform.plan(await platform.code(SLOW))
    await redeliver(platform, plan, delivery=6)
    await settled(platform)
    assert platform.events == []


async def test_a_plan_that_needs_a_newer_catalog_waits_for_it(platform: Platform) -> None:
    code = await platform.code("import os\ndef main():\n    return {'v': os.environ['LATE']}")
    plan = platform.plan(code, outputs={"v": "string"}, catalog_revision=1)
    platform.record(plan, Status.PENDING)
    await platform.send(plan)
    await platform.set_variable("LATE", "seen")
    assert (await platform.end(plan)).outputs[0].value == "seen"


@pytest.mark.parametrize("mode", [Mode.ELASTIC, Mode.LOW_LATENCY])
async def test_a_run_that_an_executor_gives_back_is_run_by_the_next(
    tmp_path: Path, store_url: str, mode: Mode
) -> None:
    source = """
    import pathlib, time
    def main(marker):
        marker = pathlib.Path(marker)
        if not marker.exists():
            marker.touch()
            time.sleep(60)
        return {"v": 1}
    """
    async with platform_in(tmp_path, store_url) as platform:
        platform.settings = replace(platform.settings, shutdown_grace_s=0.2)
        code = await platform.code(source)
        deployment = await platform.deploy(code)
        marker = platform.shared / "began"
        plan, waiting = (
            platform.plan(
                code,
                {"marker": str(marker)},
                {"v": "number"},
                mode=mode,
                deployment_id=deployment.id,
            )
            for _ in range(2)
        )
        async with platform.executor():
            await platform.send(plan)
            await platform.until(marker.exists)
            if mode is Mode.LOW_LATENCY:
                await platform.send(waiting)
            platform.record(plan, Status.RUNNING)
            platform.record(waiting, Status.PENDING)
        assert not platform.ends(plan)
        assert platform.processes() == []
        assert list(platform.work_dir.glob("runs/*")) == []
        async with platform.executor():
            assert (await platform.end(plan)).attempt == 2
            if mode is Mode.LOW_LATENCY:
                assert (await platform.end(waiting)).status is Status.SUCCEEDED


async def test_a_run_within_the_grace_ends_before_the_executor_does(
    tmp_path: Path, store_url: str
) -> None:
    async with platform_in(tmp_path, store_url) as platform:
        plan = platform.plan(await platform.code(SLOW))
        async with platform.executor():
            await platform.send(plan)
            await platform.until(lambda: any(platform.folders("run")))
            await platform.until(
                lambda: any(isinstance(event, ExecutionStarted) for event in platform.events)
            )
        assert [end.status for end in platform.ends(plan)] == [Status.SUCCEEDED]


PARENT = """
import asyncio, pathlib, sys
from tests.integration.executor.platform import platform_in
from pumphouse.contracts.vocabulary import Mode

async def main(folder, store_url):
    async with platform_in(folder, store_url) as platform, platform.executor():
        source = "import time\\ndef main():\\n    print('x')\\n    while True: pass"
        code = await platform.code(source)
        for at_once in (None, 2):
            deployment = await platform.deploy(code, at_once=at_once)
            for mode in Mode:
                plan = platform.plan(code, mode=mode, deployment_id=deployment.id)
                await platform.send(plan)
        await platform.until(lambda: len(platform.processes()) >= 6)
        await asyncio.sleep(0.3)
        print("running", flush=True)
        await asyncio.sleep(600)

asyncio.run(main(pathlib.Path(sys.argv[1]), sys.argv[2]))
"""


async def test_no_process_outlives_a_killed_executor_and_the_next_clears_its_folders(
    tmp_path: Path, store_url: str
) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tmp_path), store_url, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    assert await parent.stdout.readline() == b"running\n"
    runners = psutil.Process(parent.pid).children(recursive=True)
    assert len(runners) >= 4
    parent.kill()
    await parent.wait()
    deadline = time.monotonic() + 30
    while any(map(is_alive, runners)):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    async with platform_in(tmp_path, store_url) as platform:
        assert len(list(platform.work_dir.glob("runs/*"))) == 1
        async with platform.executor():
            assert platform.folders("run") == platform.folders("pod") == []
