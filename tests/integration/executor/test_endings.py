"""Every row of docs/executions.md, each made to happen in a real process."""

from typing import Any

import pytest

from pumphouse.contracts.vocabulary import Status
from tests.integration.executor.platform import Platform

FAILURES: dict[str, tuple[str, list[str]]] = {
    "an exception": (
        "def main():\n    raise ValueError('boom-4711')",
        ["ValueError: boom-4711\n", 'File "main.py", line 2, in main'],
    ),
    "an exception with a cause": (
        """
        def main():
            try:
                {}["absent"]
            except KeyError as error:
                raise RuntimeError("wrapped") from error
        """,
        ["RuntimeError: wrapped\n", "KeyError: 'absent'", "direct cause"],
    ),
    "an exception whose text cannot be made": (
        """
        class Odd(Exception):
            def __str__(self):
                raise RuntimeError("no text")

        def main():
            raise Odd
        """,
        ["Odd"],
    ),
    "an import that is not there": (
        "import absent_module\ndef main():\n    return {'v': 1}",
        ["ModuleNotFoundError: No module named 'absent_module'", 'File "main.py", line 1'],
    ),
    "code that is not Python": ("def main(:\n    pass", ["SyntaxError", 'File "main.py", line 1']),
    "an exception while importing": ("raise OSError('early')", ["OSError: early"]),
    "no such function": ("def other():\n    pass", ["'main.py' defines no function 'main'"]),
    "a name that is no function": ("main = 3", ["'main' in the file 'main.py' is not a function"]),
    "a wrong signature": (
        "def main(unexpected):\n    pass",
        ["TypeError: main() missing 1 required positional argument: 'unexpected'"],
    ),
    "an exit": ("import sys\ndef main():\n    sys.exit(3)", ["The code called sys.exit(3)."]),
    "an exit while importing": ("raise SystemExit", ["The code called sys.exit()."]),
    "an interrupt": ("def main():\n    raise KeyboardInterrupt", ["KeyboardInterrupt"]),
    "endless recursion": (
        "def main():\n    return main()",
        ["RecursionError: maximum recursion depth exceeded", "Previous line repeated"],
    ),
    "no memory": ("def main():\n    raise MemoryError", ["asked for more memory than it can have"]),
    "a hard exit": (
        "import os\ndef main():\n    os._exit(9)",
        ["ended by exit code 9 before the function returned"],
    ),
    "a hard exit with zero": (
        "import os\ndef main():\n    os._exit(0)",
        ["ended by exit code 0 before the function returned"],
    ),
    "a crash": (
        "import ctypes\ndef main():\n    ctypes.string_at(0)",
        ["ended by SIGSEGV (a crash in native code) before the function returned"],
    ),
    "an abort": ("import os\ndef main():\n    os.abort()", ["ended by SIGABRT"]),
    "a kill": (
        "import os, signal\ndef main():\n    os.kill(os.getpid(), signal.SIGKILL)",
        ["ended by SIGKILL (killed; most often because it needed more memory than there is)"],
    ),
    "a real-time signal": (
        "import os\ndef main():\n    os.kill(os.getpid(), 40)",
        ["ended by signal 40 before"],
    ),
    "a closed channel": (
        "import os\ndef main():\n    os.closerange(0, 64)\n    return {'v': 1}",
        ["closed the platform's result channel or wrote to it"],
    ),
    "a channel closed by someone who goes on": (
        "import os, time\ndef main():\n    os.closerange(3, 64)\n    time.sleep(60)",
        ["closed the platform's result channel or wrote to it"],
    ),
    "rubbish on the channel": (
        """
        import os
        def main():
            for handle in range(3, 64):
                try:
                    os.write(handle, b"\\xff" * 8)
                except OSError:
                    pass
            return {'v': 1}
        """,
        ["closed the platform's result channel or wrote to it"],
    ),
    "nothing returned": (
        "def main():\n    pass",
        ["returned None, but it must return a dict with its declared outputs: 'v'"],
    ),
    "a list returned": ("def main():\n    return [1]", ["returned a value of type list"]),
    "an output missing": (
        "def main():\n    return {'w': 1}",
        ["The returned dict lacks the declared output 'v'."],
    ),
    "not a number": (
        "def main():\n    return {'v': {'a': [1, float('nan')]}}",
        ["The output 'v' has the value nan at ['a'][1]"],
    ),
    "infinity": ("def main():\n    return {'v': -float('inf')}", ["'v' has the value -inf"]),
    "an object": (
        "def main():\n    return {'v': [object()]}",
        ["'v' is not JSON at [0]: it has a value of type object"],
    ),
    "a date": (
        "import datetime\ndef main():\n    return {'v': datetime.date(2026, 1, 1)}",
        ["type datetime.date; call .isoformat() on it"],
    ),
    "a number of numpy": (
        """
        class int64:
            __module__ = "numpy"
            def item(self):
                return 1
        def main():
            return {'v': int64()}
        """,
        ["type numpy.int64; call .item() on it"],
    ),
    "a key that is no text": (
        "def main():\n    return {'v': {(1, 2): 3}}",
        ["'v' has a key of type tuple"],
    ),
    "a circle": (
        "def main():\n    a = []\n    a.append(a)\n    return {'v': a}",
        ["The output 'v' contains itself at [0]"],
    ),
    "nesting without end": (
        "def main():\n    a = []\n    for _ in range(500):\n        a = [a]\n    return {'v': a}",
        ["'v' is nested deeper than 200 levels"],
    ),
    "nesting beyond Python": (
        "def main():\n    a = []\n    for _ in range(9999):\n        a = [a]\n    return {'v': a}",
        ["'v' is nested deeper than 200 levels"],
    ),
    "half a character": (
        "def main():\n    return {'v': '\\ud800'}",
        ["'v' has text that is not Unicode"],
    ),
    "an integer too long": (
        "def main():\n    return {'v': 10 ** 5000}",
        ["The output 'v'", "4300 digits"],
    ),
    "outputs too large": (
        "def main():\n    return {'v': 'a' * (9 << 20)}",
        ["The outputs are too large: 9.0 MB of JSON, where 8 MB is the limit."],
    ),
    "outputs far too large": (
        "def main():\n    return {'v': 'a' * (40 << 20)}",
        ["The outputs are too large: 40.0 MB"],
    ),
    "an async function that fails": (
        "async def main():\n    raise ValueError('in a coroutine')",
        ["ValueError: in a coroutine", 'File "main.py", line 2'],
    ),
}


@pytest.mark.parametrize("case", FAILURES)
async def test_the_users_fault_is_failed_and_says_what_to_change(
    platform: Platform, case: str
) -> None:
    source, parts = FAILURES[case]
    finished = await platform.run(source, {}, {"v": "json"})
    assert finished.status is Status.FAILED
    assert finished.error is not None
    for part in parts:
        assert part in finished.error
    assert "runner.py" not in finished.error
    assert "importlib" not in finished.error
    assert str(platform.work_dir) not in finished.error
    assert finished.outputs == ()
    assert finished.started_at is not None


async def test_a_traceback_begins_with_the_users_first_frame(platform: Platform) -> None:
    source = "import json\nasync def main():\n    json.loads('{')"
    finished = await platform.run(source, {}, {})
    assert finished.error is not None
    frames = [line.strip() for line in finished.error.splitlines() if "File" in line]
    assert frames[0] == 'File "main.py", line 3, in main'
    assert "json" in frames[-1]


async def test_a_run_beyond_its_limit_is_stopped_and_names_the_limit(platform: Platform) -> None:
    source = """
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    def main():
        print("looping")
        while True:
            pass
    """
    plan = platform.plan(await platform.code(source), timeout_s=2)
    await platform.send(plan)
    finished = await platform.end(plan)
    assert finished.status is Status.FAILED
    assert finished.error == "The execution exceeded its time limit of 2 s and was stopped."
    assert platform.log(plan) == ["looping"]


async def test_a_process_that_stops_itself_is_ended_by_its_limit(platform: Platform) -> None:
    source = "import os, signal\ndef main():\n    os.kill(os.getpid(), signal.SIGSTOP)"
    plan = platform.plan(await platform.code(source), timeout_s=1)
    await platform.send(plan)
    assert (await platform.end(plan)).status is Status.FAILED


@pytest.mark.parametrize(
    ("declared", "value", "found"),
    [
        ("number", "'12'", "str"),
        ("number", "True", "bool"),
        ("string", "3", "int"),
        ("boolean", "1", "int"),
        ("array", "{'a': 1}", "dict"),
    ],
)
async def test_an_output_of_another_type_names_both(
    platform: Platform, declared: str, value: str, found: str
) -> None:
    finished = await platform.run(f"def main():\n    return {{'v': {value}}}", {}, {"v": declared})
    assert finished.status is Status.FAILED
    assert finished.error is not None
    assert finished.error.startswith(
        f"The output 'v' is declared as {declared}, but the function returned"
        f" a value of type {found} for it: "
    )


@pytest.mark.parametrize(
    "value", ["None", "{'a': [1, None, 'é']}", "[1.5, True]", "10 ** 40", "'\\0'", "(1, 2)"]
)
async def test_json_values_come_back_as_they_are(platform: Platform, value: str) -> None:
    finished = await platform.run(f"def main():\n    return {{'v': {value}}}", {}, {"v": "json"})
    assert finished.status is Status.SUCCEEDED, finished.error
    expected: Any = eval(value)
    assert finished.outputs[0].value == (list(expected) if value == "(1, 2)" else expected)


async def test_without_declared_outputs_anything_may_be_returned(platform: Platform) -> None:
    finished = await platform.run("def main():\n    return object()")
    assert finished.status is Status.SUCCEEDED


async def test_outputs_beyond_the_declared_ones_are_ignored(platform: Platform) -> None:
    finished = await platform.run(
        "def main():\n    return {'v': 1, 'more': object()}", {}, {"v": "number"}
    )
    assert finished.status is Status.SUCCEEDED
    assert [output.name for output in finished.outputs] == ["v"]


async def test_code_that_cannot_be_had_is_an_error_with_a_reference(
    platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    code = await platform.code("def main():\n    pass")
    await platform.storage.platform.delete(code.archive)
    plan = platform.plan(code)
    await platform.send(plan)
    finished = await platform.end(plan)
    assert finished.status is Status.ERROR
    assert finished.error is not None
    reference = finished.error.rstrip(".").rpartition(" ")[2]
    assert code.archive not in finished.error
    assert reference in caplog.text
    assert code.archive in caplog.text


async def test_an_archive_that_is_none_is_an_error(platform: Platform) -> None:
    code = await platform.code("def main():\n    pass")
    await platform.storage.platform.put(code.archive, b"not a tar")
    plan = platform.plan(code)
    await platform.send(plan)
    assert (await platform.end(plan)).status is Status.ERROR


async def test_variables_sealed_with_another_key_are_an_error(platform: Platform) -> None:
    from pumphouse.contracts.catalog import Variable
    from pumphouse.sealing import Sealer

    sealed = Sealer("another secret of more than 32 characters").seal("x")
    await platform.change(variable=Variable(name="X", sealed=sealed))
    finished = await platform.run("def main():\n    pass")
    assert finished.status is Status.ERROR
