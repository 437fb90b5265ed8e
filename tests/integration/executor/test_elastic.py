"""Elastic executions: what the function finds, and that nothing of it stays."""

import os
from typing import Any

import psutil
import pytest

from pumphouse.contracts.catalog import Code
from pumphouse.contracts.executions import ExecutionStarted, PlannedInput
from pumphouse.contracts.mappings import (
    Constant,
    EndpointValue,
    EnvironmentVariable,
    NullValue,
    RunValue,
)
from pumphouse.contracts.vocabulary import DataType, Status
from pumphouse.executor import reporting
from tests.integration.executor.platform import SEALER, Platform, open_descriptors

LONG = f"{6100 + os.getpid() / 10_000_000:.7f}"
"""Seconds that nobody else sleeps."""

ADD = "def main(a, b):\n    return {'sum': a + b}"


async def value(platform: Platform, source: str | dict[str, str], *inputs: Any) -> Any:
    """What `main` returned for its output `v`."""
    finished = await platform.run(source, *inputs or ({},), {"v": "json"})
    assert finished.status is Status.SUCCEEDED, finished.error
    return finished.outputs[0].value


async def test_a_function_is_called_with_its_inputs_by_name(platform: Platform) -> None:
    finished = await platform.run(ADD, {"b": 40, "a": 2}, {"sum": "number"})
    assert finished.status is Status.SUCCEEDED, finished.error
    assert [output.value for output in finished.outputs] == [42]
    assert [planned.value for planned in finished.inputs] == [40, 2]


async def test_an_async_function_is_awaited(platform: Platform) -> None:
    source = "import asyncio\nasync def main(a):\n    await asyncio.sleep(0)\n    return {'v': a}"
    assert await value(platform, source, {"a": 7}) == 7


async def test_a_callable_object_is_called(platform: Platform) -> None:
    source = "class F:\n    def __call__(self, a):\n        return {'v': a}\nmain = F()"
    assert await value(platform, source, {"a": 7}) == 7


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (EndpointValue(name="x"), "default"),
        (RunValue(name="x"), "default"),
        (NullValue(), None),
        (Constant(value=None), None),
    ],
)
async def test_only_an_input_that_nobody_gave_yields_to_the_functions_default(
    platform: Platform, source: Any, expected: Any
) -> None:
    inputs = (
        PlannedInput(name="a", data_type=DataType.STRING, source=source),
        PlannedInput(name="b", data_type=DataType.STRING, source=source),
    )
    found = await value(platform, "def main(b, a='default'):\n    return {'v': [a, b]}", inputs)
    assert found == [expected, None]


async def test_a_secret_value_is_opened_and_read_by_its_type(platform: Platform) -> None:
    inputs = (
        PlannedInput(
            name="a",
            data_type=DataType.NUMBER,
            source=EnvironmentVariable(name="A"),
            sealed=SEALER.seal("6.5"),
        ),
    )
    finished = await platform.run("def main(a):\n    return {'v': a}", inputs, {"v": "number"})
    assert finished.outputs[0].value == 6.5
    assert finished.inputs == inputs


async def test_a_secret_value_that_cannot_be_read_names_input_and_variable(
    platform: Platform,
) -> None:
    inputs = (
        PlannedInput(
            name="a",
            data_type=DataType.NUMBER,
            source=EnvironmentVariable(name="PRICE"),
            sealed=SEALER.seal("twelve"),
        ),
    )
    finished = await platform.run("def main(a):\n    pass", inputs)
    assert finished.status is Status.FAILED
    assert finished.error is not None
    assert "The environment variable 'PRICE' cannot be read as number" in finished.error
    assert "'a'" in finished.error
    assert "twelve" not in finished.error
    assert finished.started_at is None


async def test_the_environment_holds_the_variables_and_nothing_of_the_platform(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUMPHOUSE_SECRET_KEY", "not for users")
    await platform.set_variable("GREETING", "hello")
    await platform.set_variable("GREETING", "good day")
    plan = platform.plan(
        await platform.code("import os\ndef main():\n    return {'v': dict(os.environ)}"),
        outputs={"v": "json"},
    )
    await platform.send(plan)
    found = (await platform.end(plan)).outputs[0].value
    assert found.pop("GREETING") == "good day"
    assert found.pop("CRAFT_AI_EXECUTION_ID") == plan.execution_id
    assert (found.pop("HOME"), found.pop("TMPDIR")) == ("/home/pipeline", "/tmp")
    assert found.pop("LOGNAME") == found.pop("USER") == "pipeline"
    assert set(found) == {"PATH", "LANG"}


async def test_the_first_environment_of_the_process_holds_nothing_either(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUMPHOUSE_SECRET_KEY", "not for users")
    source = "def main():\n    return {'v': open('/proc/self/environ').read()}"
    for _ in range(4):  # spares, and those started on demand
        assert "PUMPHOUSE" not in await value(platform, source)


async def test_the_execution_is_known_by_its_id_also_while_importing(platform: Platform) -> None:
    source = """
    import os
    from __craft_internal_execution_context import current_execution_id
    seen = [current_execution_id.get(), os.environ["CRAFT_AI_EXECUTION_ID"]]

    async def main():
        return {"v": [*seen, current_execution_id.get()]}
    """
    plan = platform.plan(await platform.code(source), outputs={"v": "json"})
    await platform.send(plan)
    assert (await platform.end(plan)).outputs[0].value == [plan.execution_id] * 3


@pytest.mark.parametrize("module", ["pumphouse", "msgspec", "runner"])
async def test_no_module_of_the_platform_can_be_imported(platform: Platform, module: str) -> None:
    finished = await platform.run(f"import {module}\ndef main():\n    pass")
    assert finished.status is Status.FAILED
    assert f"No module named {module!r}" in (finished.error or "")


async def test_only_the_standard_streams_and_one_socket_are_open(platform: Platform) -> None:
    source = """
    import os, sys
    def main():
        handles = {}
        for name in os.listdir("/proc/self/fd"):
            try:
                handles[name] = os.readlink("/proc/self/fd/" + name).partition(":")[0]
            except OSError:
                pass
        return {"v": [sorted(handles.values()), sys.stdin.read()]}
    """
    assert await value(platform, source) == [["/dev/null", "pipe", "pipe", "socket"], ""]


async def test_files_beside_the_function_can_be_imported_and_read(platform: Platform) -> None:
    files = {
        "main.py": """
        from package import tool
        def main():
            return {"v": [tool.NAME, open("data/words.txt").read()]}
        """,
        "package/tool.py": "NAME = __name__",
        "data/words.txt": "words",
    }
    assert await value(platform, files) == ["package.tool", "words"]


async def test_a_file_in_a_folder_imports_from_the_root(platform: Platform) -> None:
    files = {
        "src/my-steps.py": """
        import json, shared
        from dataclasses import dataclass

        @dataclass
        class Box:
            content: str

        def main():
            return {"v": [Box(shared.NAME).content, __name__]}
        """,
        "shared.py": "NAME = 'shared'",
    }
    code = await platform.code(files)
    plan = platform.plan(
        Code(archive=code.archive, function_path="src/my-steps.py", function_name="main"),
        outputs={"v": "json"},
    )
    await platform.send(plan)
    finished = await platform.end(plan)
    assert finished.status is Status.SUCCEEDED, finished.error
    assert finished.outputs[0].value == ["shared", "src.my-steps"]


async def test_a_file_named_like_a_module_in_use_does_not_replace_it(platform: Platform) -> None:
    code = await platform.code({"json.py": "def main():\n    return {'v': __name__}"})
    plan = platform.plan(
        Code(archive=code.archive, function_path="json.py", function_name="main"),
        outputs={"v": "string"},
    )
    await platform.send(plan)
    finished = await platform.end(plan)
    assert finished.status is Status.SUCCEEDED, finished.error


async def test_processes_of_multiprocessing_work(platform: Platform) -> None:
    source = """
    import multiprocessing

    def square(x):
        return x * x

    def main(method):
        with multiprocessing.get_context(method).Pool(2) as pool:
            return {"v": pool.map(square, [1, 2, 3])}
    """
    for method in ("fork", "spawn"):
        assert await value(platform, source, {"method": method}) == [1, 4, 9]


async def test_a_forked_copy_that_returns_does_not_answer(platform: Platform) -> None:
    source = """
    import os, time
    def main():
        if os.fork() == 0:
            return {"v": "the copy"}
        os.wait()
        return {"v": "the original"}
    """
    assert await value(platform, source) == "the original"


async def test_an_execution_sees_no_trace_of_an_earlier_one(platform: Platform) -> None:
    source = """
    import os, tempfile
    calls = 0

    def main():
        global calls
        calls += 1
        traces = [calls, os.listdir("."), os.listdir(os.environ["HOME"]), os.environ.get("TRACE")]
        os.environ["TRACE"] = "left"
        open("trace", "w").close()
        tempfile.mkstemp()
        os.makedirs("locked/inside")
        os.chmod("locked", 0)
        return {"v": traces}
    """
    code = await platform.code(source)
    for _ in range(3):
        plan = platform.plan(code, outputs={"v": "json"})
        await platform.send(plan)
        assert (await platform.end(plan)).outputs[0].value == [1, ["main.py"], [], None]
    await platform.until(lambda: not platform.folders("run"))


LEAVES_SOMETHING: dict[str, str] = {
    "a child": f"""
        import subprocess
        def main():
            subprocess.Popen(["sleep", "{LONG}"])
    """,
    "a daemon of its own session": f"""
        import os, time
        def main():
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    os.execlp("sleep", "sleep", "{LONG}")
                os._exit(0)
            os.wait()
    """,
    "a child that ignores signals": """
        import os, signal, time
        def main():
            if os.fork() == 0:
                for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                    signal.signal(number, signal.SIG_IGN)
                time.sleep(61)
    """,
    "a thread": """
        import threading, time
        def main():
            threading.Thread(target=time.sleep, args=(61,)).start()
    """,
    "a daemon thread": """
        import threading, time
        def main():
            threading.Thread(target=time.sleep, args=(61,), daemon=True).start()
    """,
    "a slow exit": """
        import atexit, time
        atexit.register(time.sleep, 61)
        def main():
            pass
    """,
}


@pytest.mark.parametrize("case", LEAVES_SOMETHING)
async def test_what_a_run_leaves_behind_is_ended_and_the_run_succeeds(
    platform: Platform, case: str
) -> None:
    finished = await platform.run(LEAVES_SOMETHING[case])
    assert finished.status is Status.SUCCEEDED, finished.error
    await only_spares_are_left(platform)


@pytest.mark.parametrize("detach", ["", "os.setsid()"])
async def test_a_limit_ends_the_whole_tree(platform: Platform, detach: str) -> None:
    source = f"""
    import os, time
    def main():
        for _ in range(3):
            if os.fork() == 0:
                {detach}
                if os.fork() == 0:
                    time.sleep(61)
        time.sleep(61)
    """
    plan = platform.plan(await platform.code(source), timeout_s=1)
    await platform.send(plan)
    assert (await platform.end(plan)).status is Status.FAILED
    await only_spares_are_left(platform)


async def only_spares_are_left(platform: Platform) -> None:
    await platform.until(platform.is_at_rest)
    await platform.until(lambda: not sleepers())


def sleepers() -> list[psutil.Process]:
    """What executions have left running, whoever its parent is now."""
    processes = psutil.process_iter(["cmdline", "status"])
    return [
        found
        for found in processes
        if found.info["cmdline"] == ["sleep", LONG] and found.info["status"] != psutil.STATUS_ZOMBIE
    ]


async def test_a_short_run_is_not_announced_and_a_longer_one_is(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def announced() -> list[str]:
        events = platform.events
        return [event.execution_id for event in events if isinstance(event, ExecutionStarted)]

    monkeypatch.setattr(reporting, "STARTED_AFTER_S", 60)
    finished = await platform.run("def main():\n    pass")
    assert finished.started_at is not None
    assert announced() == []

    monkeypatch.setattr(reporting, "STARTED_AFTER_S", 0.1)
    go = platform.shared / "go"
    source = f"""
    import os, time
    def main():
        while not os.path.exists({str(go)!r}):
            time.sleep(0.01)
    """
    plan = platform.plan(await platform.code(source))
    await platform.send(plan)
    await platform.until(lambda: announced() == [plan.execution_id])
    go.touch()
    assert (await platform.end(plan)).status is Status.SUCCEEDED


async def test_two_hundred_executions_leak_nothing(platform: Platform) -> None:
    code = await platform.code(ADD)

    async def run_many(count: int) -> None:
        plans = [
            platform.plan(code, {"a": i, "b": 1}, {"sum": "number"}, pipeline_id=f"p{i}")
            for i in range(count)
        ]
        for plan in plans:
            await platform.send(plan)
        for i, plan in enumerate(plans):
            assert (await platform.end(plan, within_s=60)).outputs[0].value == i + 1

    await run_many(30)
    await only_spares_are_left(platform)
    before = open_descriptors()
    await run_many(200)
    await only_spares_are_left(platform)
    await platform.until(lambda: open_descriptors() <= before)
    assert os.path.isdir(platform.work_dir)
