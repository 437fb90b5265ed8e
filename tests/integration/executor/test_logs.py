"""What user code writes, and what becomes of it."""

from datetime import UTC, datetime, timedelta

import pytest

from pumphouse.contracts.executions import ExecutionFinished, ExecutionLogged
from pumphouse.contracts.vocabulary import Status
from pumphouse.executor import reporting
from tests.integration.executor.platform import Platform


async def log_of(platform: Platform, source: str) -> list[str]:
    plan = platform.plan(await platform.code(source))
    await platform.send(plan)
    finished = await platform.end(plan)
    assert finished.status is Status.SUCCEEDED, finished.error
    return platform.log(plan)


async def test_lines_of_both_streams_travel_with_the_end_of_a_short_run(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporting, "LOG_EVERY_S", 60)
    finished = await platform.run(
        """
        import os, subprocess, sys
        print("while importing")
        def main():
            print("é", file=sys.stderr)
            subprocess.run(["echo", "from a subprocess"])
            os.write(1, b"no end of line")
        """
    )
    assert sorted((line.stream, line.text) for line in finished.lines) == [
        ("stderr", "é"),
        ("stdout", "from a subprocess"),
        ("stdout", "no end of line"),
        ("stdout", "while importing"),
    ]
    age = datetime.now(UTC) - finished.lines[0].at
    assert timedelta(0) <= age < timedelta(seconds=60)
    assert not any(isinstance(event, ExecutionLogged) for event in platform.events)


async def test_what_was_written_before_a_crash_is_kept(platform: Platform) -> None:
    finished = await platform.run("import os\ndef main():\n    print('before')\n    os._exit(9)")
    assert [line.text for line in finished.lines] == ["before"]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (r"os.write(1, b'\xff\xfe\x00abc\n')", "��\\x00abc"),
        (r"print('\ud800')", "\\ud800"),
        (r"print('a\r\n', end='')", "a"),
        (r"print()", ""),
    ],
)
async def test_bytes_that_are_no_text_are_shown_escaped(
    platform: Platform, statement: str, expected: str
) -> None:
    assert await log_of(platform, f"import os\ndef main():\n    {statement}") == [expected]


async def test_a_long_line_is_cut_and_says_so(platform: Platform) -> None:
    (line,) = await log_of(
        platform, "import sys\ndef main():\n    sys.stdout.write('y' * 3_000_000)"
    )
    assert line.startswith("y" * 16384 + " [… 2983616 more bytes")


async def test_lines_beyond_the_limit_are_counted(platform: Platform) -> None:
    lines = await log_of(
        platform, "def main():\n    for i in range(100_000):\n        print('x' * 100)"
    )
    kept = (5 << 20) // 100
    assert lines[:kept] == ["x" * 100] * kept
    assert lines[kept:] == [
        f"[{100_000 - kept} more lines ({(100_000 - kept) * 100} bytes) were dropped:"
        " an execution keeps 5 MB of log]"
    ]


async def test_many_lines_of_a_short_run_travel_apart_and_in_order(platform: Platform) -> None:
    lines = await log_of(platform, "def main():\n    for i in range(5000):\n        print(i)")
    assert lines == [str(i) for i in range(5000)]
    kinds = [type(event) for event in platform.events]
    assert kinds[-1] is ExecutionFinished
    assert ExecutionLogged in kinds


async def test_lines_of_a_long_run_arrive_while_it_runs(platform: Platform) -> None:
    source = """
    import time
    def main():
        for i in range(30):
            print(i)
            time.sleep(0.1)
    """
    plan = platform.plan(await platform.code(source))
    await platform.send(plan)
    await platform.until(lambda: len(platform.log(plan)) >= 5)
    assert not platform.ends(plan)
    await platform.end(plan)
    assert platform.log(plan) == [str(i) for i in range(30)]


async def test_a_process_that_keeps_the_streams_is_ended_with_the_run(platform: Platform) -> None:
    source = """
    import os
    def main():
        readable, writable = os.pipe()
        if os.fork() == 0:
            os.setsid()
            os.write(writable, b"!")
            os.execlp("sleep", "sleep", "20")
        os.read(readable, 1)
        os._exit(1)
    """
    plan = platform.plan(await platform.code(source))
    await platform.send(plan)
    assert "exit code 1" in ((await platform.end(plan)).error or "")
    assert platform.log(plan) == []
    await platform.until(platform.is_at_rest)
