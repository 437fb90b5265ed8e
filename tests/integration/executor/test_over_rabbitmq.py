"""The executor as a process of its own, on RabbitMQ, with another beside it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from pumphouse.bus.topology import STATIC_QUEUES
from pumphouse.contracts.vocabulary import Mode, Status
from tests.integration.executor.platform import SECRET, Platform, is_alive, platform_in
from tests.integration.executor.side_by_side import serve
from tests.servers.rabbitmq import fresh_vhost

pytestmark = pytest.mark.timeout(180)

STARTED = "[the process is started]"

WAITING = """
DEF main(gate, i):
    WAIT(gate, i)
    return {"v": life}
"""


@pytest.fixture
def broker(amqp_url: str) -> Iterator[str]:
    with fresh_vhost(amqp_url) as url:
        yield url


@asynccontextmanager
async def executor_process(
    platform: Platform, url: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "pumphouse.executor",
        env={
            "PATH": os.environ["PATH"],
            "PUMPHOUSE_AMQP_URL": url,
            "PUMPHOUSE_SECRET_KEY": SECRET,
            "PUMPHOUSE_S3_URL": platform.settings.s3_url,
            "PUMPHOUSE_WORK_DIR": platform.settings.work_dir,
            "PUMPHOUSE_SHUTDOWN_GRACE_S": "0.5",
            "PUMPHOUSE_SHARED_PATHS": str(platform.shared),
        },
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 60)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_what_an_executor_leaves_is_run_once_more_by_another(
    tmp_path: Path, store_url: str, broker: str, how: signal.Signals
) -> None:
    source = """
    import pathlib, time
    def main(folder, marker):
        path = pathlib.Path(folder, marker)
        if not path.exists():
            path.touch()
            time.sleep(60)
        return {"v": marker}
    """
    async with platform_in(tmp_path, store_url, broker) as platform:
        for queue in STATIC_QUEUES:
            await platform.bus.declare(queue)
        code = await platform.code(source)
        deployment = await platform.deploy(code)
        plans = [
            platform.plan(
                code,
                {
                    "folder": str(platform.shared),
                    "marker": "pod.marker" if mode is Mode.LOW_LATENCY else f"{i}.marker",
                },
                {"v": "string"},
                mode=mode,
                deployment_id=deployment.id,
                pipeline_id=f"p{i}",
            )
            for mode in Mode
            for i in range(3)
        ]
        async with executor_process(platform, broker) as first:
            await platform.until(lambda: len(platform.pod_reports) == 1, 30)
            for plan in plans:
                await platform.send(plan)
                platform.record(plan, Status.RUNNING)
            await platform.until(lambda: len(list(platform.shared.glob("*.marker"))) == 4, 30)
            runners = psutil.Process(first.pid).children(recursive=True)
            async with executor_process(platform, broker):
                first.send_signal(how)
                await first.wait()
                for plan in plans:
                    finished = await platform.end(plan, 30)
                    assert finished.status is Status.SUCCEEDED, finished.error
                    assert finished.attempt == 2
        await platform.until(lambda: not any(map(is_alive, runners)))


async def test_an_executor_that_dies_with_many_executions_in_one_pod_loses_none(
    tmp_path: Path, store_url: str, broker: str
) -> None:
    """More than the broker hands out for a pod that runs one by one."""
    async with platform_in(tmp_path, store_url, broker) as platform:
        for queue in STATIC_QUEUES:
            await platform.bus.declare(queue)
        async with executor_process(platform, broker) as first:
            served = await serve(platform, "coroutines", WAITING, at_once=24)
            last = await served.wait(*range(30))
            await platform.until(lambda: len(served.gate.begun()) == 24)
            await platform.until(lambda: served.pod_log() == [STARTED])
            for plan in served.plans:
                platform.record(plan, Status.PENDING)
            async with executor_process(platform, broker):
                first.kill()
                await first.wait()
                served.gate.open(*range(30))
                for number in range(last + 1):
                    finished = await served.end(number)
                    assert finished.status is Status.SUCCEEDED, finished.error
        assert [len(platform.ends(plan)) for plan in served.plans] == [1] * 30
        await platform.until(lambda: served.pod_log().count(STARTED) == 2)
