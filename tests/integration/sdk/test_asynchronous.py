"""The asynchronous client among other tasks of its loop, over real HTTP."""

import asyncio
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator

import pytest

from pumphouse.sdk import AsyncPumphouseSdk, TimedOut, Unauthorized
from tests.integration.sdk.holding_platform import HoldingPlatform, holding_platform

MANY = 150


@pytest.fixture
def platform() -> Iterator[HoldingPlatform]:
    with holding_platform() as found:
        yield found


@pytest.fixture
def patient_platform() -> Iterator[HoldingPlatform]:
    """Answers nobody before MANY wait."""
    with holding_platform(callers=MANY) as found:
        yield found


async def test_many_calls_wait_side_by_side_without_threads(
    patient_platform: HoldingPlatform,
) -> None:
    threads = threading.active_count()
    async with AsyncPumphouseSdk(patient_platform.url, "token") as sdk:
        calls = [sdk.retrieve_pipeline_execution_outputs(f"e{n}") for n in range(MANY)]
        found = await asyncio.gather(*calls)
        assert threading.active_count() <= threads + 2
    assert [outputs["execution_id"] for outputs in found] == [f"e{n}" for n in range(MANY)]
    assert patient_platform.most_waiting == MANY
    assert patient_platform.refreshes == 1


async def test_a_refused_sdk_token_is_tried_once_for_all_who_wait_for_it() -> None:
    with holding_platform(refuses=True) as platform:
        async with AsyncPumphouseSdk(platform.url, "wrong") as sdk:
            calls = [sdk.who_am_i() for _ in range(20)]
            found = await asyncio.gather(*calls, return_exceptions=True)
            assert platform.refreshes == 1
            with pytest.raises(Unauthorized, match="not known"):
                await sdk.who_am_i()
        assert platform.refreshes == 2
    assert [type(error) for error in found] == [Unauthorized] * 20
    assert len({id(error) for error in found}) == 20


async def test_a_wait_ends_at_its_deadline_and_the_client_goes_on(
    patient_platform: HoldingPlatform,
) -> None:
    async with AsyncPumphouseSdk(patient_platform.url, "token") as sdk:
        begin = time.monotonic()
        with pytest.raises(TimedOut, match=r"Execution e1 took longer than 0\.5 s"):
            await sdk.retrieve_pipeline_execution_outputs("e1", timeout_s=0.5)
        assert 0.5 <= time.monotonic() - begin < 10
        assert (await sdk.who_am_i())["name"] == "Ada"


async def test_a_cancelled_call_lets_go_of_the_platform(patient_platform: HoldingPlatform) -> None:
    async with AsyncPumphouseSdk(patient_platform.url, "token") as sdk:
        call = asyncio.create_task(sdk.retrieve_pipeline_execution_outputs("e1"))
        await until(lambda: patient_platform.waiting == 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await until(lambda: patient_platform.waiting == 0)
        assert (await sdk.who_am_i())["name"] == "Ada"


async def test_whoever_buys_the_access_token_may_give_up(platform: HoldingPlatform) -> None:
    async with AsyncPumphouseSdk(platform.url, "token") as sdk:
        first, second = (asyncio.create_task(sdk.who_am_i()) for _ in range(2))
        await until(lambda: platform.refreshes == 1)
        first.cancel()
        assert (await second)["name"] == "Ada"
    assert first.cancelled()


async def test_its_connections_close_with_it(platform: HoldingPlatform) -> None:
    async with AsyncPumphouseSdk(platform.url, "token") as sdk:
        await asyncio.gather(*(sdk.who_am_i() for _ in range(5)))
        assert platform.connections > 0
    await until(lambda: platform.connections == 0)


async def test_a_source_that_takes_its_time_stops_no_other_task(platform: HoldingPlatform) -> None:
    reading_end, writing_end = os.pipe()

    async def write() -> None:
        for _ in range(3):
            await until(lambda: "/api/v1/pipelines/count/run" in platform.begun)
            os.write(writing_end, b"0123456789")
        os.close(writing_end)

    async with AsyncPumphouseSdk(platform.url, "token") as sdk:
        with os.fdopen(reading_end, "rb", buffering=0) as stream:
            call = sdk.run_pipeline("count", {"table": stream}, wait_for_completion=False)
            await asyncio.gather(asyncio.wait_for(call, 30), write())
    assert b"0123456789" * 3 in platform.received[0]


async def test_a_target_that_takes_its_time_stops_no_other_task(platform: HoldingPlatform) -> None:
    platform.stored = os.urandom(1_000_000)
    reading_end, writing_end = os.pipe()
    got = bytearray()

    async def read() -> None:
        os.set_blocking(reading_end, False)
        while len(got) < len(platform.stored):
            try:
                got.extend(os.read(reading_end, 65_536))
            except BlockingIOError:
                await asyncio.sleep(0.001)

    async with AsyncPumphouseSdk(platform.url, "token") as sdk:
        with os.fdopen(writing_end, "wb", buffering=0) as stream:
            download = sdk.download_data_store_object("model", stream)
            await asyncio.gather(asyncio.wait_for(download, 30), read())
    os.close(reading_end)
    assert bytes(got) == platform.stored


async def test_a_warning_names_the_line_of_the_caller(
    platform: HoldingPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CRAFT_AI_EXECUTION_ID", raising=False)
    async with AsyncPumphouseSdk(platform.url, "token") as sdk:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            assert not await sdk.record_metric_value("accuracy", 1.0)
    assert [warning.filename for warning in warned] == [__file__]


async def until(is_so: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < give_up_at
        await asyncio.sleep(0.01)
