"""What one execution may use, and the words when it uses more."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NoReturn

import pytest
from msgspec.structs import replace

from pumphouse.contracts.vocabulary import Mode, Status
from pumphouse.executor import enclosures
from pumphouse.executor.cgroups import NoCgroups, find_parents
from pumphouse.executor.isolation import Level
from tests.integration.executor.platform import Platform, platform_in

MIB = 1 << 20

HOARD = """
def main(mib):
    kept = [b"1" * (1 << 20) for _ in range(mib)]
    return {"v": len(kept)}
"""

HOARD_BELOW = """
import os
def main(mib):
    if os.fork() == 0:
        kept = [b"1" * (1 << 20) for _ in range(mib)]
        os._exit(0)
    return {"v": os.waitstatus_to_exitcode(os.wait()[1])}
"""

FILL = """
def main(files, mib):
    for number in range(files):
        with open(f"file-{number}", "wb") as file:
            for _ in range(mib):
                file.write(bytes(1 << 20))
    return {"v": files}
"""

LINGERING = FILL.replace("    return", "    import time; time.sleep(60)\n    return")

BOMB = """
import os, signal
def main():
    while True:
        if os.fork() == 0:
            signal.pause()
"""

THREADS = """
import threading
def main():
    over = threading.Event()
    try:
        while True:
            threading.Thread(target=over.wait, daemon=True).start()
    finally:
        over.set()
"""

OPEN = "def main():\n    files = []\n    while True:\n        files.append(open('/dev/null'))"


@pytest.fixture
async def small(tmp_path: Path, store_url: str) -> AsyncIterator[Platform]:
    """With an executor whose executions may use little."""
    async with platform_in(tmp_path, store_url) as platform:
        platform.settings = replace(
            platform.settings,
            execution_memory="256MiB",
            execution_disk="32MiB",
            execution_processes=40,
            execution_open_files=100,
            execution_timeout_s=5,
        )
        async with platform.executor():
            yield platform


@pytest.mark.parametrize("source", [HOARD, HOARD_BELOW], ids=["itself", "a child"])
async def test_memory_beyond_the_limit_ends_an_execution_and_is_named(
    small: Platform, source: str
) -> None:
    finished = await small.run(source, {"mib": 1000}, {"v": "number"})
    if finished.status is Status.SUCCEEDED:  # the child alone was ended
        assert source is HOARD_BELOW
        assert finished.outputs[0].value == -9
        return
    assert finished.status is Status.FAILED
    assert (
        finished.error
        == "The execution needed more memory than its limit of 256 MiB and was stopped."
    )


async def test_memory_within_the_limit_is_given(small: Platform) -> None:
    finished = await small.run(HOARD, {"mib": 150}, {"v": "number"})
    assert finished.status is Status.SUCCEEDED, finished.error


async def test_a_plan_has_a_memory_limit_of_its_own(small: Platform) -> None:
    given = await small.run(HOARD, {"mib": 400}, {"v": "number"}, memory_bytes=800 * MIB)
    assert given.status is Status.SUCCEEDED, given.error
    refused = await small.run(HOARD, {"mib": 150}, {"v": "number"}, memory_bytes=64 * MIB)
    assert "its limit of 64 MiB" in (refused.error or "")


async def test_memory_is_limited_without_control_groups_too(
    tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_here(**_: object) -> NoReturn:
        raise NoCgroups("there are none in this test")

    monkeypatch.setattr(enclosures, "find_parents", none_here)
    async with platform_in(tmp_path, store_url) as platform:
        platform.settings = replace(platform.settings, execution_memory="128MiB")
        async with platform.executor():
            reserved = await platform.run(HOARD, {"mib": 1000}, {"v": "number"})
            assert (reserved.error or "").startswith("MemoryError: the code asked for more memory")
            lingering = HOARD.replace("    return", "    import time; time.sleep(60)\n    return")
            had = await platform.run(lingering, {"mib": 200}, {"v": "number"})
            assert "its limit of 128 MiB" in (had.error or "")


async def test_a_file_beyond_the_limit_fails_the_write_and_is_named(small: Platform) -> None:
    finished = await small.run(FILL, {"files": 1, "mib": 40}, {"v": "number"})
    assert finished.status is Status.FAILED
    assert "File too large\nThe files of an execution can have 0.03125 GiB." in (
        finished.error or ""
    )


async def test_many_files_beyond_the_limit_end_an_execution(small: Platform) -> None:
    finished = await small.run(LINGERING, {"files": 8, "mib": 10}, {"v": "number"}, timeout_s=50)
    assert finished.error == "The execution wrote more than its limit of 32 MiB and was stopped."


@pytest.mark.parametrize("source", [BOMB, THREADS], ids=["processes", "threads"])
async def test_more_processes_than_the_limit_fail_and_none_is_left(
    small: Platform, source: str
) -> None:
    finished = await small.run(source)
    assert finished.status is Status.FAILED
    assert "An execution can have 40 processes and threads at a time." in (finished.error or "")
    await small.until(small.is_at_rest)


async def test_control_groups_alone_limit_processes_too(tmp_path: Path, store_url: str) -> None:
    try:
        find_parents(is_root=os.geteuid() == 0)
    except NoCgroups as reason:
        pytest.skip(str(reason))
    async with platform_in(tmp_path, store_url) as platform:
        platform.settings = replace(
            platform.settings, isolation=int(Level.PLAIN), execution_processes=40
        )
        async with platform.executor():
            finished = await platform.run(BOMB)
            assert "An execution can have 40 processes" in (finished.error or "")
            await platform.until(platform.is_at_rest)


async def test_more_open_files_than_the_limit_fail(small: Platform) -> None:
    finished = await small.run(OPEN)
    assert finished.status is Status.FAILED
    assert "An execution can have 100 files open at a time." in (finished.error or "")


async def test_without_a_time_limit_of_its_own_an_execution_has_the_usual_one(
    small: Platform,
) -> None:
    finished = await small.run("import time\ndef main():\n    time.sleep(60)")
    assert finished.error == "The execution exceeded its time limit of 5 s and was stopped."


async def test_a_pod_that_needs_too_much_memory_is_restarted_and_says_so(small: Platform) -> None:
    code = await small.code(HOARD)
    deployment = await small.deploy(code)
    plans = [
        small.plan(
            *(code, {"mib": mib}, {"v": "number"}),
            mode=Mode.LOW_LATENCY,
            deployment_id=deployment.id,
        )
        for mib in (1000, 1)
    ]
    for plan in plans:
        await small.send(plan)
    failed, succeeded = [await small.end(plan) for plan in plans]
    assert "its limit of 256 MiB" in (failed.error or "")
    assert "The deployment was restarted" in (failed.error or "")
    assert succeeded.status is Status.SUCCEEDED, succeeded.error
