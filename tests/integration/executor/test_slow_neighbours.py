"""What takes long holds up nothing of other pipelines."""

import threading
from typing import Any

import pytest

from pumphouse.bus.topology import elastic_partition
from pumphouse.contracts.vocabulary import Status
from pumphouse.executor import output_files
from tests.integration.executor.files import content_of, returned_file
from tests.integration.executor.platform import PIPELINE, Platform

ADD = "def main(a, b):\n    return {'sum': a + b}"


async def test_a_slow_pipeline_holds_up_no_other(platform: Platform) -> None:
    go = platform.shared / "go"
    waiting = f"""
    import os, time
    def main():
        while not os.path.exists({str(go)!r}):
            time.sleep(0.01)
    """
    slow = await platform.code(waiting)
    many = 3 * platform.settings.elastic_prefetch
    held = [platform.plan(slow, pipeline_id="slow") for _ in range(many)]
    for plan in held:
        await platform.send(plan)
    others = [f"other-{number}" for number in range(20)]
    apart = [one for one in others if elastic_partition(one) != elastic_partition("slow")]
    code = await platform.code(ADD)
    for name in apart:
        plan = platform.plan(code, {"a": 1, "b": 2}, {"sum": "number"}, pipeline_id=name)
        await platform.send(plan)
        assert (await platform.end(plan)).outputs[0].value == 3
    assert not any(platform.ends(plan) for plan in held)
    # The rest of them waits in its queue, where another executor could take it.
    await platform.until(lambda: len(platform.folders("run")) == platform.settings.elastic_prefetch)
    go.touch()
    for plan in held:
        assert (await platform.end(plan)).status is Status.SUCCEEDED


async def test_files_that_take_long_to_copy_hold_up_no_other(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    copy_some = output_files._copy_some

    def copy(*args: Any) -> int:
        assert go.wait(60)
        return copy_some(*args)

    monkeypatch.setattr(output_files, "_copy_some", copy)
    code = await platform.code(
        "def main():\n    open('f', 'w').write('x')\n    return {'f': {'path': 'f'}}"
    )
    names = [f"large-{number}" for number in range(20)]
    apart = [name for name in names if elastic_partition(name) != elastic_partition(PIPELINE)]
    large = [platform.plan(code, (), (returned_file(),), pipeline_id=name) for name in apart]
    try:
        for plan in large:
            await platform.send(plan)
        await platform.until(lambda: len(platform.events) == len(apart))  # all have started
        added = await platform.run(ADD, {"a": 1, "b": 2}, {"sum": "number"})
        assert added.outputs[0].value == 3
        assert not any(platform.ends(plan) for plan in large)
    finally:
        go.set()
    for plan in large:
        finished = await platform.end(plan)
        assert await content_of(platform, finished.outputs[0]) == b"x"
