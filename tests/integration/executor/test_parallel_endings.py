"""Time limits and deaths of pods, with executions side by side and one by one."""

from pathlib import Path

import psutil
import pytest
from msgspec.structs import replace

from pumphouse.contracts.vocabulary import Status
from pumphouse.executor import pod
from pumphouse.executor.frames import CHANNEL_MISUSED
from pumphouse.executor.life import Call, Life
from tests.integration.executor.platform import Platform, platform_in
from tests.integration.executor.side_by_side import Served, both_kinds, serve

WAITING = """
DEF main(gate, i):
    WAIT(gate, i)
    return {"v": life}
"""

STUBBORN = """
async def main(gate, i):
    while not os.path.exists(os.path.join(gate, f"open-{i}")):
        try:
            open(os.path.join(gate, f"begun-{i}"), "w").close()
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            print("cancelled", i)
    print("late", i)
    return {"v": life}
"""

BLOCKING = """
async def main(gate, i):
    open(os.path.join(gate, f"begun-{i}"), "w").close()
    while not os.path.exists(os.path.join(gate, f"open-{i}")):
        time.sleep(0.01)
    return {"v": life}
"""


@pytest.fixture
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little time for coroutines that are cancelled."""
    monkeypatch.setattr(pod, "CANCEL_PATIENCE_S", 2)


async def limited(served: Served, name: object, limit_s: int = 1) -> int:
    """Start one that waits at the gate, with a time limit."""
    gate = str(served.gate.folder)
    return await served.send({"v": "json"}, timeout_s=limit_s, gate=gate, i=name)


async def quick(served: Served, name: object) -> str:
    """The life of the process that runs an execution which need not wait."""
    served.gate.open(name)
    finished = await served.end(await served.wait(name))
    assert finished.status is Status.SUCCEEDED, finished.error
    life: str = finished.outputs[0].value
    return life


# -- coroutines, which can be cancelled


@pytest.mark.parametrize("at_once", [None, 3])
async def test_a_coroutine_beyond_its_limit_is_cancelled_and_the_pod_goes_on(
    platform: Platform, at_once: int | None
) -> None:
    source = """
    DEF main(gate, i):
        print("begun", i)
        try:
            await wait(gate, i)
        finally:
            print("cleared away", i)
        return {"v": life}
    """
    served = await serve(platform, "coroutines", source, at_once=at_once)
    before = await quick(served, "before")
    number = await limited(served, "slow")
    finished = await served.end(number)
    assert finished.status is Status.FAILED
    assert finished.error == "The execution exceeded its time limit of 1 s and was stopped."
    assert served.log(number) == ["begun slow", "cleared away slow"]
    assert await quick(served, "after") == before
    assert served.statuses() == ["up"]


async def test_the_limit_of_one_coroutine_does_not_touch_another(platform: Platform) -> None:
    served = await serve(platform, "coroutines", WAITING)
    await served.wait("free")
    number = await limited(served, "limited")
    assert (await served.end(number)).status is Status.FAILED
    assert not platform.ends(served.plans[0])
    served.gate.open("free")
    assert (await served.end(0)).status is Status.SUCCEEDED


async def test_a_coroutine_that_is_cancelled_before_its_first_step_ends(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled: list[Call] = []
    cancel = Life.cancel

    async def note(life: Life, call: Call, patience_s: float) -> None:
        cancelled.append(call)
        await cancel(life, call, patience_s)

    monkeypatch.setattr(Life, "cancel", note)
    served = await serve(platform, "coroutines", BLOCKING, at_once=2)
    blocking = await limited(served, "first", limit_s=60)
    await platform.until(lambda: served.gate.begun() == {"first"})
    number = await limited(served, "second")
    await platform.until(lambda: bool(cancelled))
    served.gate.open("first", "second")
    assert "time limit of 1 s and was stopped" in ((await served.end(number)).error or "")
    assert (await served.end(blocking)).status is Status.SUCCEEDED
    assert served.statuses() == ["up"]


@pytest.mark.usefixtures("impatience")
async def test_a_coroutine_that_ignores_its_cancellation_restarts_a_pod_of_one_by_one(
    platform: Platform,
) -> None:
    served = await serve(platform, "coroutines", STUBBORN, at_once=None)
    before = await quick(served, "before")
    number = await limited(served, "slow")
    error = (await served.end(number)).error or ""
    assert "time limit of 1 s and was stopped. The deployment was restarted" in error
    assert served.log(number) == ["cancelled slow"]
    assert await quick(served, "after") != before


@pytest.mark.usefixtures("impatience")
async def test_a_coroutine_that_ignores_its_cancellation_keeps_its_place_beside_others(
    platform: Platform,
) -> None:
    served = await serve(platform, "coroutines", STUBBORN, at_once=3)
    await served.wait("free")
    number = await limited(served, "slow")
    finished = await served.end(number)
    assert "It cannot be stopped: it goes on" in (finished.error or "")
    assert served.log(number) == ["cancelled slow"]
    life = await quick(served, "between")
    served.gate.open("slow")
    await platform.until(lambda: "late slow" in served.pod_log())
    served.gate.open("free")
    assert (await served.end(0)).outputs[0].value == life
    assert served.statuses() == ["up"]
    assert len(platform.ends(served.plans[number])) == 1


@pytest.mark.usefixtures("impatience")
async def test_a_pod_whose_loop_is_blocked_by_the_only_one_in_it_is_restarted(
    platform: Platform,
) -> None:
    served = await serve(platform, "coroutines", BLOCKING, at_once=3)
    before = await quick(served, "before")
    error = (await served.end(await limited(served, "slow"))).error or ""
    assert "The deployment was restarted" in error
    assert await quick(served, "after") != before
    assert any("beyond a time limit" in line for line in served.pod_log())


# -- threads, which cannot


async def test_a_function_beyond_its_limit_restarts_a_pod_of_one_by_one(platform: Platform) -> None:
    source = """
    DEF main(gate, i):
        print("begun", i)
        WAIT(gate, i)
        return {"v": life}
    """
    served = await serve(platform, "threads", source, at_once=None)
    before = await quick(served, "before")
    number = await limited(served, "slow")
    error = (await served.end(number)).error or ""
    assert "time limit of 1 s and was stopped. The deployment was restarted" in error
    assert served.log(number) == ["begun slow"]
    assert await quick(served, "after") != before
    await platform.until(lambda: served.statuses()[-1] == "up")


async def test_a_thread_beyond_its_limit_is_told_goes_on_and_keeps_its_place(
    platform: Platform,
) -> None:
    source = """
    DEF main(gate, i):
        print("begun", i)
        WAIT(gate, i)
        print("late", i)
        return {"v": life}
    """
    served = await serve(platform, "threads", source, at_once=2)
    number = await limited(served, "slow")
    finished = await served.end(number)
    assert finished.status is Status.FAILED
    assert finished.error == (
        "The execution exceeded its time limit of 1 s. It cannot be stopped: it goes on, and takes"
        " a place in the deployment until it ends."
    )
    # One place is left: what waits at the gate has it, and one more must wait.
    await served.wait("beside", "third")
    await platform.until(lambda: "beside" in served.gate.begun())
    assert "third" not in served.gate.begun()
    served.gate.open("slow")
    await platform.until(lambda: "third" in served.gate.begun())
    served.gate.open("beside", "third")
    lives = {(await served.end(i)).outputs[0].value for i in (1, 2)}
    assert len(lives) == 1
    await platform.until(lambda: "late slow" in served.pod_log())
    assert served.log(number) == ["begun slow"]
    assert served.statuses() == ["up"]
    assert len(platform.ends(served.plans[number])) == 1


async def test_a_pod_with_no_place_left_is_restarted(platform: Platform) -> None:
    served = await serve(platform, "threads", WAITING, at_once=2)
    before = await quick(served, "before")
    first = await limited(served, "slow 1")
    second = await limited(served, "slow 2", limit_s=2)
    assert "it goes on" in ((await served.end(first)).error or "")
    assert "The deployment was restarted" in ((await served.end(second)).error or "")
    assert await quick(served, "after") != before
    assert len(platform.ends(served.plans[first])) == 1


async def test_a_file_that_comes_after_the_limit_is_closed(platform: Platform) -> None:
    source = """
    DEF main(gate, i):
        with open("made", "w") as made:
            made.write("x")
        WAIT(gate, i)
        return {"f": {"path": "made"}}
    """
    served = await serve(platform, "threads", source, at_once=2)
    inputs = {"gate": str(served.gate.folder), "i": "slow"}
    number = await served.send({"f": "file"}, timeout_s=1, **inputs)
    assert (await served.end(number)).status is Status.FAILED
    served.gate.open("slow")
    assert (await served.run({"f": "file"}, **inputs)).status is Status.SUCCEEDED
    runs = str(platform.work_dir / "runs")
    opened = psutil.Process().open_files
    await platform.until(lambda: not any(made(file.path, runs) for file in opened()))


def made(path: str, runs: str) -> bool:
    return path.startswith(runs) and not path.endswith(".lock")


# -- deaths


@both_kinds
async def test_a_killed_pod_ends_each_of_its_executions_once_and_serves_the_others(
    platform: Platform, kind: str
) -> None:
    source = """
    DEF main(gate, i):
        print("begun", i)
        WAIT(gate, i)
        return {"v": life}
    """
    served = await serve(platform, kind, source, at_once=6)
    life = await quick(served, "before")
    running = [await served.wait(i) for i in range(6)]
    waiting = [await served.wait(i) for i in range(6, 12)]
    await platform.until(lambda: len(served.gate.begun()) == 7)
    (pod_process,) = platform.pods()
    pod_process.kill()
    for number in running:
        finished = await served.end(number)
        assert finished.status is Status.FAILED
        error = finished.error or ""
        assert "SIGKILL" in error
        assert "5 other executions in the same process" in error
        assert "The deployment was restarted" in error
        assert served.log(number) == [f"begun {running.index(number)}"]
    served.gate.open(*range(12))
    for number in waiting:
        finished = await served.end(number)
        assert finished.status is Status.SUCCEEDED
        assert finished.outputs[0].value != life
    assert [len(platform.ends(plan)) for plan in served.plans] == [1] * 13
    assert served.statuses()[-1] == "up"
    await platform.until(lambda: any("ended by SIGKILL" in line for line in served.pod_log()))


@both_kinds
async def test_one_that_ends_the_process_ends_the_others_too(platform: Platform, kind: str) -> None:
    source = """
    DEF main(gate, i):
        if i == "exit":
            os._exit(9)
        WAIT(gate, i)
        return {"v": life}
    """
    served = await serve(platform, kind, source)
    await served.wait("beside")
    await platform.until(lambda: served.gate.begun() == {"beside"})
    await served.wait("exit")
    for number in (0, 1):
        error = (await served.end(number)).error or ""
        assert "ended by exit code 9" in error
        assert "It may be the doing of another execution in the same process." in error
    await quick(served, "after")


@both_kinds
@pytest.mark.parametrize("damage", ["os.closerange(3, 200)", "[s.send(b'x' * 99) for s in ours()]"])
async def test_one_that_breaks_the_channel_ends_all(
    platform: Platform, kind: str, damage: str
) -> None:
    source = """
    import socket, stat

    def ours():
        for handle in range(3, 100):
            try:
                if stat.S_ISSOCK(os.fstat(handle).st_mode):
                    found = socket.socket(fileno=os.dup(handle))
                    if found.type is socket.SOCK_STREAM and found.getpeername() == "":
                        yield found
            except OSError:
                pass

    DEF main(gate, i):
        if i == "damage":
            DAMAGE
            return {"v": 0}
        WAIT(gate, i)
        return {"v": life}
    """
    source = source.replace("DAMAGE", damage)
    served = await serve(platform, kind, source)
    await served.wait("beside")
    await platform.until(lambda: served.gate.begun() == {"beside"})
    served.gate.open("after")
    await served.wait("damage")
    await platform.until(lambda: bool(platform.ends(served.plans[1])))
    after = await served.wait("after")
    for number in (0, 1):
        finished = await served.end(number)
        assert finished.status is Status.FAILED
        assert (finished.error or "").startswith(CHANNEL_MISUSED.message)
    assert (await served.end(after)).status is Status.SUCCEEDED


@both_kinds
async def test_a_disabled_deployment_ends_its_process_when_all_in_it_have_ended(
    platform: Platform, kind: str
) -> None:
    served = await serve(platform, kind, WAITING, at_once=2)
    await served.wait("a", "b", "c")
    await platform.until(lambda: served.gate.begun() == {"a", "b"})
    await platform.change(deployment=replace(served.deployment, is_enabled=False))
    served.gate.open("a")
    await platform.until(lambda: "c" in served.gate.begun())
    served.gate.open("b", "c")
    lives = {(await served.end(number)).outputs[0].value for number in range(3)}
    assert len(lives) == 1
    await platform.until(lambda: not platform.folders("pod"))
    assert served.statuses() == ["up"]


@both_kinds
async def test_what_a_stopping_executor_gives_back_is_run_by_the_next(
    tmp_path: Path, store_url: str, kind: str
) -> None:
    async with platform_in(tmp_path, store_url) as platform:
        platform.settings = replace(platform.settings, shutdown_grace_s=0.2)
        async with platform.executor():
            served = await serve(platform, kind, WAITING, at_once=3)
            await served.wait(*range(5))
            await platform.until(lambda: len(served.gate.begun()) == 3)
            for plan in served.plans:
                platform.record(plan, Status.PENDING)
        assert not any(platform.ends(plan) for plan in served.plans)
        assert platform.processes() == []
        assert list(platform.work_dir.glob("runs/*")) == []
        served.gate.open(*range(5))
        async with platform.executor():
            for number in range(5):
                assert (await served.end(number)).status is Status.SUCCEEDED
        assert [len(platform.ends(plan)) for plan in served.plans] == [1] * 5
