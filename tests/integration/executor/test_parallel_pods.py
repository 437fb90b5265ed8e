"""Executions side by side in one pod, in real processes."""

from typing import Any

from pumphouse.contracts.vocabulary import Status
from tests.integration.executor.files import content_of, given_file, returned_file
from tests.integration.executor.platform import Platform
from tests.integration.executor.side_by_side import both_kinds, serve

WAITING = """
DEF main(gate, i):
    WAIT(gate, i)
    return {"v": life}
"""


@both_kinds
async def test_as_many_as_the_limit_run_at_once_in_one_process(
    platform: Platform, kind: str
) -> None:
    served = await serve(platform, kind, WAITING)
    await served.wait(*range(6))
    await platform.until(lambda: len(served.gate.begun()) == 6)
    served.gate.open(*range(6))
    ends = [await served.end(number) for number in range(6)]
    assert len({end.outputs[0].value for end in ends}) == 1


@both_kinds
async def test_one_beyond_the_limit_waits_for_a_place(platform: Platform, kind: str) -> None:
    served = await serve(
        platform,
        kind,
        """
        now = peak = 0
        lock = threading.Lock()
        DEF main():
            global now, peak
            with lock:
                now += 1
                peak = max(now, peak)
            PAUSE(0.01)
            with lock:
                now -= 1
            return {"v": peak}
        """,
        at_once=3,
    )
    numbers = [await served.send({"v": "json"}) for _ in range(20)]
    assert max([(await served.end(number)).outputs[0].value for number in numbers]) == 3


@both_kinds
async def test_what_waits_for_a_place_is_pending_and_begins_when_one_is_free(
    platform: Platform, kind: str
) -> None:
    served = await serve(platform, kind, WAITING, at_once=2)
    third = await served.wait("a", "b", "c")
    await platform.until(lambda: served.gate.begun() == {"a", "b"})
    served.gate.open("b")
    await platform.until(lambda: served.gate.begun() == {"a", "b", "c"})
    served.gate.open("c")
    first_end = await served.end(1)
    started_at = (await served.end(third)).started_at
    assert started_at is not None
    assert first_end.started_at is not None
    assert started_at > first_end.started_at
    assert not platform.ends(served.plans[0])
    served.gate.open("a")
    assert (await served.end(0)).status is Status.SUCCEEDED


@both_kinds
async def test_a_slow_one_does_not_hold_up_another(platform: Platform, kind: str) -> None:
    served = await serve(platform, kind, WAITING, at_once=2)
    await served.wait("slow")
    for name in range(5):
        number = await served.wait(name)
        served.gate.open(name)
        assert (await served.end(number)).status is Status.SUCCEEDED
    assert not platform.ends(served.plans[0])
    served.gate.open("slow")
    assert (await served.end(0)).status is Status.SUCCEEDED


@both_kinds
async def test_they_start_in_the_order_of_their_triggers(platform: Platform, kind: str) -> None:
    source = """
    order = []
    DEF main(i):
        order.append(i)
        PAUSE(0.002 if i % 2 else 0.004)
        return {"v": list(order)}
    """
    # Threads that are started one after the other may reach their first line in another order.
    at_once = 4 if kind == "coroutines" else 1
    served = await serve(platform, kind, source, at_once=at_once)
    numbers = [await served.send({"v": "json"}, i=i) for i in range(40)]
    ends = [await served.end(number) for number in numbers]
    assert max((end.outputs[0].value for end in ends), key=len) == list(range(40))


@both_kinds
async def test_an_execution_with_a_file_starts_before_those_that_were_triggered_later(
    platform: Platform, kind: str
) -> None:
    source = """
    order = []
    DEF main(i, f=None):
        order.append(i)
        return {"v": list(order)}
    """
    served = await serve(platform, kind, source, at_once=None)
    for i in range(8):
        plan = platform.plan(served.code, {"i": i}, {"v": "json"})
        file = await given_file(platform, "f", b"x" * (1 << 20))
        inputs = (*plan.inputs, file) if i % 2 == 0 else plan.inputs
        await served.send_plan(inputs, plan.outputs)
    assert (await served.end(7)).outputs[0].value == list(range(8))


@both_kinds
async def test_variables_are_brought_up_to_date_at_each_start(
    platform: Platform, kind: str
) -> None:
    source = "DEF main(n):\n    return {'v': os.environ.get(n)}"
    served = await serve(platform, kind, source)
    await platform.set_variable("MOOD", "calm")
    assert await served.value(n="MOOD") == "calm"
    await platform.set_variable("MOOD", "keen")
    assert await served.value(n="MOOD") == "keen"
    await platform.change(deleted_variable="MOOD")
    assert await served.value(n="MOOD") is None
    assert await served.value(n="PATH")


@both_kinds
async def test_each_has_its_own_id_in_its_context_and_none_in_the_environment(
    platform: Platform, kind: str
) -> None:
    served = await serve(
        platform,
        kind,
        """
        from __craft_internal_execution_context import current_execution_id
        DEF main(gate, i):
            before = current_execution_id.get()
            WAIT(gate, i)
            found = []
            threading.Thread(target=lambda: found.append(current_execution_id.get(None))).start()
            while not found:
                PAUSE(0.001)
            environment = os.environ.get("CRAFT_AI_EXECUTION_ID")
            return {"v": [before, current_execution_id.get(), environment, *found]}
        """,
    )
    await served.wait(*range(6))
    await platform.until(lambda: len(served.gate.begun()) == 6)
    served.gate.open(*range(6))
    for number, plan in enumerate(served.plans):
        identifier = plan.execution_id
        assert (await served.end(number)).outputs[0].value == [identifier, identifier, None, None]


async def test_the_id_is_known_in_tasks_and_in_threads_with_a_context(platform: Platform) -> None:
    served = await serve(
        platform,
        "coroutines",
        """
        import contextvars
        from concurrent.futures import ThreadPoolExecutor
        from __craft_internal_execution_context import current_execution_id
        pool = ThreadPoolExecutor()
        find = current_execution_id.get
        async def look():
            return find()
        async def main():
            with_context = pool.submit(contextvars.copy_context().run, find)
            return {"v": [
                await asyncio.create_task(look()),
                (await asyncio.gather(look()))[0],
                await asyncio.to_thread(find),
                await asyncio.wrap_future(with_context),
                await asyncio.wrap_future(pool.submit(find, None)),
            ]}
        """,
    )
    found = [await served.value() for _ in range(3)]
    assert found == [[plan.execution_id] * 4 + [None] for plan in served.plans]


@both_kinds
async def test_a_value_of_a_context_is_its_execution_s_own(platform: Platform, kind: str) -> None:
    served = await serve(
        platform,
        kind,
        """
        import contextvars
        mine = contextvars.ContextVar("mine")
        mine.set("from the import")
        DEF main(gate, i):
            before = mine.get()
            mine.set(i)
            WAIT(gate, i)
            return {"v": [before, mine.get()]}
        """,
    )
    await served.wait(*range(4))
    await platform.until(lambda: len(served.gate.begun()) == 4)
    served.gate.open(*range(4))
    ends = [await served.end(i) for i in range(4)]
    assert [end.outputs[0].value for end in ends] == [["from the import", i] for i in range(4)]


@both_kinds
async def test_each_returns_files_and_values_of_its_own(platform: Platform, kind: str) -> None:
    served = await serve(
        platform,
        kind,
        """
        DEF main(f, i):
            if i % 3 == 2:
                return {"f": None, "v": i}
            with open(f["path"]) as given, open(f"made-{i}", "w") as made:
                PAUSE(0.001)
                made.write(f"{i}: {given.read()}")
            print("made", i)
            return {"f": {"path": f"made-{i}"}, "v": i}
        """,
    )
    for i in range(24):
        plan = platform.plan(served.code, {"i": i}, {"v": "number"})
        given = await given_file(platform, "f", f"given {i}".encode())
        await served.send_plan((*plan.inputs, given), (returned_file(), *plan.outputs))
    for i in range(24):
        finished = await served.end(i)
        assert finished.status is Status.SUCCEEDED, finished.error
        file, value = finished.outputs
        assert value.value == i
        if i % 3 == 2:
            assert file.reference is None
        else:
            assert await content_of(platform, file) == f"{i}: given {i}".encode()
            assert served.log(i) == [f"made {i}"]


@both_kinds
async def test_a_failure_is_that_execution_s_alone(platform: Platform, kind: str) -> None:
    served = await serve(
        platform,
        kind,
        """
        DEF main(gate, i):
            if i == "raise":
                raise ValueError("no")
            if i == "exit":
                sys.exit(3)
            if i == "interrupt":
                raise KeyboardInterrupt
            if i == "nan":
                return {"v": float("nan")}
            if i == "nothing":
                return None
            WAIT(gate, i)
            return {"v": life}
        """,
    )
    await served.wait("good")
    await platform.until(lambda: served.gate.begun() == {"good"})
    errors = [
        (await served.end(await served.wait(how))).error or ""
        for how in ("raise", "exit", "interrupt", "nan", "nothing")
    ]
    served.gate.open("good")
    assert (await served.end(0)).status is Status.SUCCEEDED
    assert errors[0].startswith("ValueError: no")
    assert 'Traceback (most recent call last):\n  File "main.py", line' in errors[0]
    assert "runner" not in errors[0]
    assert "called sys.exit(3)" in errors[1]
    assert errors[2].startswith("KeyboardInterrupt")
    assert "does not know" in errors[3]
    assert "must return a dict" in errors[4]
    assert served.statuses() == ["up"]


async def test_arguments_that_do_not_fit_fail_with_pythons_own_words(platform: Platform) -> None:
    for kind in ("coroutines", "threads"):
        served = await serve(platform, kind, "DEF main(x):\n    pass")
        error = (await served.run()).error or ""
        assert "missing 1 required positional argument: 'x'" in error
        assert "File" not in error


async def test_a_plain_function_may_return_something_to_await(platform: Platform) -> None:
    served = await serve(
        platform,
        "coroutines",
        """
        from __craft_internal_execution_context import current_execution_id
        async def work(i):
            await asyncio.sleep(0.001)
            return {"v": [i, current_execution_id.get()]}
        def main(i):
            return work(i)
        """,
    )
    for i in range(3):
        assert await served.value(i=i) == [i, served.plans[i].execution_id]


async def test_coroutines_share_the_loop_that_the_module_finds(platform: Platform) -> None:
    served = await serve(
        platform,
        "coroutines",
        """
        loops = set()
        class Function:
            async def __call__(self):
                loops.add(asyncio.get_running_loop())
                assert threading.current_thread() is threading.main_thread()
                return {"v": len(loops)}
        main = Function()
        """,
    )
    assert [await served.value() for _ in range(2)] == [1, 1]


async def test_a_task_of_the_users_own_that_exits_ends_nothing_else(platform: Platform) -> None:
    served = await serve(
        platform,
        "coroutines",
        """
        async def leave():
            sys.exit("left by a task")
        async def main(exits):
            if exits:
                asyncio.get_running_loop().call_soon(sys.exit, 1)
                background.append(asyncio.create_task(leave()))
                await asyncio.sleep(0.05)
            return {"v": life}
        background = []
        """,
    )
    lives: list[Any] = [await served.value(exits=exits) for exits in (False, True, False)]
    assert len(set(lives)) == 1
    await platform.until(lambda: any("left by a task" in line for line in served.pod_log()))


@both_kinds
async def test_a_thousand_executions_leave_nothing(platform: Platform, kind: str) -> None:
    served = await serve(
        platform,
        kind,
        """
        DEF main(i):
            print("number", i)
            handles = len(os.listdir("/proc/self/fd"))
            return {"v": [i, handles, threading.active_count()]}
        """,
    )
    numbers = [await served.send({"v": "json"}, i=i) for i in range(1000)]
    found = [(await served.end(number)).outputs[0].value for number in numbers]
    assert [i for i, _, _ in found] == list(range(1000))
    assert max(handles for _, handles, _ in found) < 40
    assert max(threads for _, _, threads in found) < 12
    assert all(served.log(number) == [f"number {number}"] for number in numbers)
