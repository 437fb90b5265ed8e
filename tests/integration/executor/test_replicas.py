"""Deployments with several pods, in real processes."""

import os
from pathlib import Path

import psutil
import pytest
from msgspec.structs import replace

from pumphouse.contracts.vocabulary import Status
from tests.integration.executor.platform import Platform, is_alive
from tests.integration.executor.side_by_side import (
    Gate,
    Served,
    both_kinds,
    serve,
    source_of,
)
from tests.shared_folder import folder_in

pytestmark = pytest.mark.timeout(180)

COUNTED = """
count = 0

DEF main(gate, i):
    global count
    count += 1
    WAIT(gate, i)
    return {"v": [life, count]}
"""

FAILS_AT_FIRST = """
count = 0
if not os.path.exists(FLAG):
    raise RuntimeError("cannot load this")

def main():
    return {"v": life}
"""


async def lives_of(served: Served, *numbers: int) -> list[str]:
    """In which process each of these executions has run."""
    ends = [await served.end(number) for number in numbers]
    return [end.outputs[0].value[0] for end in ends]


async def has_begun(served: Served, *names: object) -> None:
    await served.platform.until(lambda: served.gate.begun() == {str(name) for name in names})


def process_in(platform: Platform, life: str, marks: Path) -> psutil.Process:
    """The process of the pod that has left its mark in a folder."""
    inode = int((marks / life).read_text())
    return next(pod for pod in platform.pods() if os.stat(f"/proc/{pod.pid}/cwd").st_ino == inode)


@both_kinds
async def test_two_pods_run_two_executions_at_once_and_keep_their_own_state(
    platform: Platform, kind: str
) -> None:
    served = await serve(platform, kind, COUNTED, at_once=None, replicas=2)
    last = await served.wait(*range(6))
    await has_begun(served, 0, 1)
    served.gate.open(*range(6))
    ends = [await served.end(number) for number in range(last + 1)]
    found = [tuple(end.outputs[0].value) for end in ends]
    counts: dict[str, list[int]] = {}
    for life, count in found:
        counts.setdefault(life, []).append(count)
    assert len(counts) == 2
    assert all(seen == list(range(1, len(seen) + 1)) for seen in counts.values())


async def test_whoever_was_triggered_first_begins_first(platform: Platform) -> None:
    served = await serve(platform, "threads", COUNTED, at_once=None, replicas=3)
    await served.wait(*range(9))
    served.gate.open(*(i for i in range(9) if i != 1))
    others = [await served.end(i) for i in range(9) if i != 1]
    served.gate.open(1)
    begun = [end.started_at for end in (others[0], await served.end(1), *others[1:])]
    assert all(begun)
    assert begun == sorted(begun, key=lambda moment: moment.timestamp() if moment else 0)


async def test_each_pod_is_reported_with_its_own_id_which_its_log_has(platform: Platform) -> None:
    source = "print('loading', life)\ndef main():\n    return {'v': life}"
    served = await serve(platform, "threads", source, at_once=None, replicas=3)
    ids = {pod.id for pod in served.reports()[-1].pods}
    assert len(ids) == 3
    assert set(served.statuses()) == {"up"}
    await platform.until(lambda: sum("loading" in line for line in served.pod_log()) == 3)
    assert {event.pod_id for event in platform.pod_logs} == ids


async def test_a_pod_that_is_killed_comes_back_while_the_other_serves_on(
    platform: Platform,
) -> None:
    marks = folder_in(platform.shared)
    mark = f"open(os.path.join({str(marks)!r}, life), 'w').write(str(os.stat('.').st_ino))\n"
    served = await serve(platform, "threads", mark + COUNTED, at_once=None, replicas=2)
    before = {pod.id for pod in served.reports()[-1].pods}
    lost = await served.wait("lost")
    kept = await served.wait("kept")
    await has_begun(served, "lost", "kept")
    served.gate.open("kept")
    [alive] = await lives_of(served, kept)
    (doomed,) = {path.name for path in marks.iterdir()} - {alive}
    process_in(platform, doomed, marks).kill()
    assert (await served.end(lost)).status is Status.FAILED
    next_one = await served.wait("next")
    served.gate.open("next")
    assert await lives_of(served, next_one) == [alive]
    await platform.until(lambda: len({p.id for p in served.reports()[-1].pods} & before) == 1)
    await platform.until(lambda: served.pod_statuses() == ["up", "up"])
    assert set(served.statuses()) == {"up"}
    assert any("down_retrying" in [p.status for p in r.pods] for r in served.reports())


async def test_it_is_down_when_all_pods_are_and_comes_back(platform: Platform) -> None:
    source = "def main():\n    return {'v': life}"
    served = await serve(platform, "threads", source, at_once=None, replicas=2)
    for pod in platform.pods():
        pod.kill()
    await platform.until(
        lambda: "down_retrying" in served.statuses() and served.pod_statuses() == ["up", "up"]
    )
    assert await served.value()


async def test_a_module_that_does_not_import_is_tried_and_reported_once(
    platform: Platform,
) -> None:
    flag = platform.shared / "it-can"
    code = await platform.code(source_of("threads", f"FLAG = {str(flag)!r}\n" + FAILS_AT_FIRST))
    deployment = await platform.deploy(code, replicas=3)
    served = Served(platform, code, deployment, Gate(folder_in(platform.shared)))
    await platform.until(lambda: served.statuses() == ["creation_failed"])
    [report] = served.reports()
    assert "RuntimeError: cannot load this" in (report.message or "")
    assert [pod.status for pod in report.pods] == ["creation_failed"]
    assert (await served.run()).error == report.message
    await platform.until(lambda: served.pod_log().count("[the process is started]") == 2)

    flag.touch()
    assert (await served.run({"v": "json"})).status is Status.SUCCEEDED
    await platform.until(lambda: served.pod_statuses() == ["up"] * 3)
    assert served.reports()[-1].message is None


async def test_a_pod_that_does_not_start_is_tried_again_while_another_is_up(
    platform: Platform,
) -> None:
    folder = folder_in(platform.shared)
    source = f"""
    open(os.path.join({str(folder)!r}, life), "w").close()
    if len(os.listdir({str(folder)!r})) == 2:
        raise RuntimeError("only the second time")

    def main():
        return {{"v": life}}
    """
    served = await serve(platform, "threads", source, at_once=None, replicas=2)
    assert set(served.statuses()) == {"up"}
    assert [r.message for r in served.reports()] == [None] * len(served.reports())
    assert any("creation_failed" in [p.status for p in r.pods] for r in served.reports())
    assert len(list(folder.iterdir())) == 3


async def test_disabling_ends_all_pods_when_their_executions_have_ended(
    platform: Platform,
) -> None:
    served = await serve(platform, "threads", COUNTED, at_once=None, replicas=2)
    processes = platform.pods()
    assert len(processes) == 2
    last = await served.wait("a", "b", "c")
    await has_begun(served, "a", "b")
    await platform.change(deployment=replace(served.deployment, is_enabled=False))
    served.gate.open("a", "b", "c")
    ends = [await served.end(number) for number in range(last + 1)]
    assert [end.status for end in ends] == [Status.SUCCEEDED] * 3
    assert max(end.outputs[0].value[1] for end in ends) == 2, "a process served those that waited"
    await platform.until(lambda: not any(map(is_alive, processes)) and platform.is_at_rest())
    told = len(served.reports())
    await platform.change(deployment=served.deployment)
    await platform.until(lambda: len(served.reports()) > told)
    await platform.until(lambda: served.pod_statuses() == ["up", "up"])
    assert len(platform.pods()) == 2


async def test_a_deleted_deployment_leaves_no_pod(platform: Platform) -> None:
    source = "def main():\n    return {'v': life}"
    served = await serve(platform, "threads", source, at_once=None, replicas=3)
    assert len(platform.pods()) == 3
    await platform.change(deleted_deployment_id=served.deployment.id)
    await platform.until(platform.is_at_rest)


async def test_other_code_reaches_every_pod(platform: Platform) -> None:
    served = await serve(platform, "threads", COUNTED, at_once=None, replicas=2)
    served.code = await platform.code(source_of("threads", COUNTED.replace("[life", "['new'")))
    await served.wait("a", "b")
    await has_begun(served, "a", "b")
    served.gate.open("a", "b")
    assert await lives_of(served, 0, 1) == ["new", "new"]


@both_kinds
async def test_executions_in_parallel_are_spread_over_the_pods(
    platform: Platform, kind: str
) -> None:
    served = await serve(platform, kind, COUNTED, at_once=2, replicas=2)
    await served.wait(*range(5))
    await platform.until(lambda: len(served.gate.begun()) == 4)
    served.gate.open(*range(5))
    lives = await lives_of(served, *range(5))
    assert sorted(lives.count(life) for life in set(lives)) == [2, 3]
