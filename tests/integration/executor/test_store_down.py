"""A store that goes away, before, during and after a run."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from pumphouse.bus import consuming
from pumphouse.contracts.executions import PlanResolved
from pumphouse.contracts.vocabulary import Mode, Status
from pumphouse.executor.handlers import MOST_ATTEMPTS
from tests.integration.executor.files import (
    content_of,
    given_file,
    planned,
    returned_file,
    stored_file,
    target_file,
)
from tests.integration.executor.platform import Platform, platform_in
from tests.servers.object_store import OwnStore, own_object_store

pytestmark = pytest.mark.timeout(180)

both_modes = pytest.mark.parametrize("mode", list(Mode))


@pytest.fixture(autouse=True)
def short_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is put off is tried again soon."""
    monkeypatch.setattr(consuming, "RETRY_DELAYS_S", (0.1, 0.1, 0.2, 0.4, 0.4))


@pytest.fixture
def store() -> Iterator[OwnStore]:
    with own_object_store() as store:
        yield store


@pytest.fixture
async def platform(tmp_path: Path, store: OwnStore) -> AsyncIterator[Platform]:
    async with platform_in(tmp_path, f"{store.url}own") as platform, platform.executor():
        yield platform


async def send_to_be_put_off(
    platform: Platform, plan: PlanResolved, caplog: pytest.LogCaptureFixture, times: int
) -> None:
    """Send the plan, and return when its delivery was put off so many times."""
    said = f"of {plan.execution_id} is put off"
    await platform.send(plan, message_id=plan.execution_id)
    await platform.until(
        lambda: sum(said in record.getMessage() for record in caplog.records) >= times, 30
    )


COUNT = """
import os
def main(f, g):
    with open({ran!r}, "a") as file:
        file.write("x")
    return {{"v": open(f["path"]).read() + open(g["path"]).read()}}
"""


@both_modes
async def test_an_execution_whose_files_cannot_be_fetched_waits_and_loses_no_attempt(
    platform: Platform,
    store: OwnStore,
    mode: Mode,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ran = platform.shared / "ran"
    await platform.storage.data.put("g", b"g")
    inputs = (await given_file(platform, "f", b"f"), stored_file("g", "g"))
    plan = await planned(platform, mode, COUNT.format(ran=str(ran)), inputs, {"v": "string"})
    platform.record(plan, Status.PENDING)
    if mode is Mode.LOW_LATENCY:
        await platform.until(lambda: len(platform.pod_reports) == 1)
    store.kill()
    await send_to_be_put_off(platform, plan, caplog, MOST_ATTEMPTS + 1)
    assert platform.events == []
    assert not ran.exists()
    await platform.until(lambda: not platform.folders("files"))
    await asyncio.to_thread(store.start)
    finished = await platform.end(plan, 60)
    assert finished.status is Status.SUCCEEDED, finished.error
    assert finished.outputs[0].value == "fg"
    assert finished.attempt < MOST_ATTEMPTS
    assert ran.read_text() == "x"


async def test_an_execution_that_was_lost_before_is_not_lost_by_a_store_that_is_down(
    platform: Platform, store: OwnStore, caplog: pytest.LogCaptureFixture
) -> None:
    plan = await planned(
        platform,
        Mode.ELASTIC,
        "def main(f):\n    return {'v': 1}",
        (await given_file(platform, "f", b"f"),),
        {"v": "number"},
    )
    platform.record(plan, Status.RUNNING, attempt=MOST_ATTEMPTS - 1)
    store.kill()
    await send_to_be_put_off(platform, plan, caplog, MOST_ATTEMPTS + 1)
    await asyncio.to_thread(store.start)
    finished = await platform.end(plan, 60)
    assert finished.status is Status.SUCCEEDED, finished.error
    assert finished.attempt == MOST_ATTEMPTS


async def test_a_store_that_dies_in_the_middle_of_a_download_is_waited_for(
    platform: Platform, store: OwnStore, caplog: pytest.LogCaptureFixture
) -> None:
    size = 100 << 20

    async def zeros() -> AsyncIterator[bytes]:
        for _ in range(size >> 20):
            yield bytes(1 << 20)

    def fetched() -> int:
        return sum(path.stat().st_size for path in platform.work_dir.glob("runs/*/files-*/in/0/*"))

    await platform.storage.data.put_stream("large", zeros())
    source = "import os\ndef main(f):\n    return {'v': os.stat(f['path']).st_size}"
    plan = await planned(
        platform, Mode.ELASTIC, source, (stored_file("f", "large"),), {"v": "number"}
    )
    platform.record(plan, Status.PENDING)
    await platform.send(plan)
    await platform.until(lambda: fetched() > 0)
    store.kill()
    assert 0 < fetched() < size
    await platform.until(lambda: "is put off" in caplog.text)
    await platform.until(lambda: not platform.folders("files"))
    assert platform.events == []
    await asyncio.to_thread(store.start)
    finished = await platform.end(plan, 60)
    assert finished.status is Status.SUCCEEDED, finished.error
    assert finished.outputs[0].value == size


@both_modes
async def test_code_that_is_here_runs_without_the_store_and_other_code_waits_for_it(
    platform: Platform, store: OwnStore, mode: Mode, caplog: pytest.LogCaptureFixture
) -> None:
    source = "def main():\n    return {'v': 1}"
    here = await planned(platform, mode, source, (), {"v": "number"})
    await platform.send(here)
    await platform.end(here)
    elsewhere = await platform.code(source)
    store.kill()
    again = platform.plan(
        here.code, (), {"v": "number"}, mode=mode, deployment_id=here.deployment_id
    )
    await platform.send(again)
    assert (await platform.end(again)).status is Status.SUCCEEDED
    fields = {}
    if mode is Mode.LOW_LATENCY:
        fields = {"mode": mode, "deployment_id": (await platform.deploy(elsewhere)).id}
    waiting = platform.plan(elsewhere, (), {"v": "number"}, **fields)
    platform.record(waiting, Status.PENDING)
    await send_to_be_put_off(platform, waiting, caplog, 2)
    await asyncio.to_thread(store.start)
    finished = await platform.end(waiting, 60)
    assert finished.status is Status.SUCCEEDED, finished.error


WRITE_ONCE = """
import os, time
os.umask(0)  # whoever runs it next may be another user
def main():
    with open({ran!r}, "a") as file:
        file.write("x")
    with open("f", "wb") as file:
        file.write(b"0123456789" * {times})
    while not os.path.exists({go!r}):
        time.sleep(0.01)
    return {{"f": {{"path": "f"}}, "s": {{"path": "f"}}, "v": "x" * 100_000}}
"""


@both_modes
async def test_what_was_returned_while_the_store_is_down_is_kept_when_it_is_back(
    platform: Platform,
    store: OwnStore,
    mode: Mode,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ran, go = platform.shared / "ran", platform.shared / "go"
    source = WRITE_ONCE.format(ran=str(ran), go=str(go), times=10)
    value = platform.plan(await platform.code(""), (), {"v": "string"}).outputs
    outputs = (returned_file(), target_file("s", "s"), *value)
    plan = await planned(platform, mode, source, (), outputs)
    await platform.send(plan)
    await platform.until(ran.exists)
    store.kill()
    go.touch()
    await platform.until(lambda: "waits for the store" in caplog.text)
    if mode is Mode.LOW_LATENCY:
        # The pod is free for the next, which needs no store.
        other = platform.plan(
            plan.code, (), {"v": "string"}, mode=mode, deployment_id=plan.deployment_id
        )
        await platform.send(other)
        await platform.until(lambda: ran.read_text() == "xx")
    else:
        await platform.until(lambda: not platform.folders("run"))
    assert not platform.ends(plan)
    await asyncio.to_thread(store.start)
    finished = await platform.end(plan, 60)
    assert finished.status is Status.SUCCEEDED, finished.error
    assert finished.attempt == 1
    assert await content_of(platform, finished.outputs[0]) == b"0123456789" * 10
    assert await platform.storage.data.get("s") == b"0123456789" * 10
    assert finished.outputs[2].reference is not None
    assert len(ran.read_text()) == (2 if mode is Mode.LOW_LATENCY else 1)
    await platform.until(lambda: not platform.folders("files"))


async def test_a_store_that_dies_in_the_middle_of_an_upload_leaves_nothing_half_visible(
    platform: Platform, store: OwnStore, caplog: pytest.LogCaptureFixture
) -> None:
    ran = platform.shared / "ran"
    size = 200 << 20
    source = f"""
    def main():
        with open({str(ran)!r}, "a") as file:
            file.write("x")
        with open("f", "wb") as file:
            file.truncate({size})
        return {{"f": {{"path": "f"}}}}
    """
    plan = await planned(platform, Mode.ELASTIC, source, (), (target_file("large"),))
    await platform.send(plan)
    process = store.process
    await platform.until(lambda: process.io_counters().write_chars > 30 << 20, 30)
    assert not platform.ends(plan)
    store.kill()
    await platform.until(lambda: "waits for the store" in caplog.text, 60)
    await asyncio.to_thread(store.start)
    while not platform.ends(plan):
        found = await platform.storage.data.page()
        assert [item.size for item in found.objects] in ([], [size])
        await asyncio.sleep(0.05)
    finished = await platform.end(plan)
    assert finished.status is Status.SUCCEEDED, finished.error
    assert finished.outputs[0].written == size
    assert (await platform.storage.data.info("large")).size == size
    assert ran.read_text() == "x"


async def test_an_upload_that_waits_is_given_back_when_the_executor_stops(
    tmp_path: Path, store: OwnStore, caplog: pytest.LogCaptureFixture
) -> None:
    async with platform_in(tmp_path, f"{store.url}own") as platform:
        ran, go = platform.shared / "ran", platform.shared / "go"
        go.touch()
        source = WRITE_ONCE.format(ran=str(ran), go=str(go), times=10)
        platform.settings = replace(platform.settings, shutdown_grace_s=0.2)
        plan = await planned(platform, Mode.ELASTIC, source, (), (returned_file(),))
        platform.record(plan, Status.RUNNING)
        async with platform.executor():
            go.unlink()
            await platform.send(plan)
            await platform.until(ran.exists)
            store.kill()
            go.touch()
            await platform.until(lambda: "waits for the store" in caplog.text)
        assert not platform.ends(plan)
        assert list(platform.work_dir.glob("runs/*")) == []
        await asyncio.to_thread(store.start)
        async with platform.executor():
            finished = await platform.end(plan, 60)
        assert finished.status is Status.SUCCEEDED, finished.error
        assert finished.attempt == 2
        assert ran.read_text() == "xx"
