"""An executor tells how busy its machine is."""

import asyncio

from pumphouse.bus import Envelope
from pumphouse.bus.topology import REGISTRY_SAMPLES
from pumphouse.contracts.metrics import WorkerSampled
from tests.integration.executor.platform import Platform


async def test_an_executor_tells_how_busy_its_machine_is_as_soon_as_it_runs(
    platform: Platform,
) -> None:
    came: asyncio.Future[WorkerSampled] = asyncio.get_running_loop().create_future()

    async def take(message: WorkerSampled, _: Envelope) -> None:
        if not came.done():
            came.set_result(message)

    await platform.bus.consume(REGISTRY_SAMPLES, {WorkerSampled: take})
    async with asyncio.timeout(30):
        sampled = await came
    assert sampled.total_ram > 0
    assert sampled.total_disk > 0
