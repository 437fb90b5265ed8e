"""What executions side by side write: each to its own log, what is nobody's to the pod's."""

from pumphouse.contracts.vocabulary import Status
from tests.integration.executor.platform import Platform
from tests.integration.executor.side_by_side import both_kinds, serve


@both_kinds
async def test_each_line_belongs_to_the_execution_that_wrote_it(
    platform: Platform, kind: str
) -> None:
    served = await serve(
        platform,
        kind,
        """
        import logging
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
        DEF main(gate, i):
            WAIT(gate, i)
            for n in range(200):
                print("out", i, n)
                print("err", i, n, file=sys.stderr)
                logging.info("logged %s %s", i, n)
                PAUSE(0)
            return {"v": 1}
        """,
    )
    await served.wait(*range(6))
    await platform.until(lambda: len(served.gate.begun()) == 6)
    served.gate.open(*range(6))
    for i in range(6):
        assert (await served.end(i)).status is Status.SUCCEEDED
        assert served.log(i) == [
            line
            for n in range(200)
            for line in (f"out {i} {n}", f"err {i} {n}", f"INFO logged {i} {n}")
        ]
    assert not any(line.startswith(("out", "err", "INFO")) for line in served.pod_log())


async def test_streams_are_told_apart(platform: Platform) -> None:
    source = """
    def main():
        print("a")
        print("b", file=sys.stderr)
    """
    served = await serve(platform, "threads", source)
    finished = await served.run()
    assert [(line.stream, line.text) for line in finished.lines] == [
        ("stdout", "a"),
        ("stderr", "b"),
    ]


async def test_what_has_a_context_is_the_execution_s_and_the_rest_the_pod_s(
    platform: Platform,
) -> None:
    served = await serve(
        platform,
        "coroutines",
        """
        import contextvars, subprocess
        print("imported")
        async def say(text):
            print(text)
        async def main():
            await asyncio.create_task(say("task"))
            await asyncio.to_thread(print, "thread with context")
            loop = asyncio.get_running_loop()
            context = contextvars.copy_context()
            await loop.run_in_executor(None, context.run, print, "executor with context")
            await loop.run_in_executor(None, print, "executor")
            thread = threading.Thread(target=print, args=("bare thread",))
            thread.start()
            thread.join()
            subprocess.run(["echo", "child process"])
            os.write(1, b"native\\n")
            print("beneath", file=sys.__stdout__)
        """,
    )
    assert (await served.run()).status is Status.SUCCEEDED
    assert served.log(0) == ["task", "thread with context", "executor with context"]
    expected = {"imported", "executor", "bare thread", "child process", "native", "beneath"}
    await platform.until(lambda: expected <= set(served.pod_log()))


@both_kinds
async def test_lines_without_end_bytes_and_strange_characters_are_kept(
    platform: Platform, kind: str
) -> None:
    served = await serve(
        platform,
        kind,
        """
        DEF main():
            sys.stdout.write("with")
            PAUSE(0.001)
            sys.stdout.write("out end\\nnext")
            sys.stdout.flush()
            sys.stdout.buffer.write("\\né".encode()[:2])
            sys.stdout.buffer.write("é".encode()[1:] + b" \\xff \\x00\\n")
            print("lone \\ud800", "grüße")
            sys.stdout.writelines(["many\\n", "lines\\r\\n"])
            print("x" * 100_000)
            try:
                sys.stdout.write(b"bytes")
            except TypeError as error:
                print(error)
            sys.stdout.close()
            print(sys.stdout.encoding, sys.stdout.isatty(), sys.stdout.fileno(), end="")
        """,
    )
    finished = await served.run()
    assert finished.status is Status.SUCCEEDED, finished.error
    *lines, long, refused, last = served.log(0)
    assert lines == ["without end", "next", "é \ufffd \\x00", "lone \\ud800 grüße", "many", "lines"]
    assert long.startswith("x" * (16 << 10) + " […")
    assert f"{100_000 - (16 << 10)} more bytes" in long
    assert "must be str, not bytes" in refused
    assert last == "utf-8 False 1"


@both_kinds
async def test_an_execution_that_writes_much_keeps_the_beginning_and_others_all(
    platform: Platform, kind: str
) -> None:
    served = await serve(
        platform,
        kind,
        """
        DEF main(much):
            if much:
                for _ in range(300):
                    print(("y" * 999 + "\\n") * 100, end="")
                    PAUSE(0)
            else:
                print("little")
        """,
    )
    numbers = [await served.send(much=much) for much in (True, False, True, False)]
    for number in numbers:
        assert (await served.end(number)).status is Status.SUCCEEDED
    assert served.log(1) == served.log(3) == ["little"]
    for number in (0, 2):
        *lines, last = served.log(number)
        assert set(lines) == {"y" * 999}
        assert len(lines) == (5 << 20) // 999
        assert f"{30_000 - len(lines)} more lines" in last


async def test_what_is_written_after_the_end_is_the_pod_s(platform: Platform) -> None:
    served = await serve(
        platform,
        "coroutines",
        """
        background = []
        async def late(gate):
            await wait(gate, "late")
            print("too late")
        async def main(gate):
            print("in time")
            background.append(asyncio.create_task(late(gate)))
        """,
    )
    assert (await served.run(gate=str(served.gate.folder))).status is Status.SUCCEEDED
    served.gate.open("late")
    await platform.until(lambda: "too late" in served.pod_log())
    assert served.log(0) == ["in time"]


@both_kinds
async def test_a_copy_of_the_process_writes_for_the_pod_and_disturbs_nothing(
    platform: Platform, kind: str
) -> None:
    served = await serve(
        platform,
        kind,
        """
        DEF main(returns):
            print("before")
            child = os.fork()
            if child == 0:
                for n in range(100):
                    print("child", n)
                if not returns:
                    os._exit(0)
            else:
                os.waitpid(child, 0)
            print("after")
            return {"v": life}
        """,
    )
    values = [await served.value(returns=returns) for returns in (False, True, False, True)]
    assert len(set(values)) == 1
    for number in range(4):
        assert served.log(number) == ["before", "after"]
    await platform.until(lambda: served.pod_log().count("child 99") == 4)


async def test_a_signal_handler_that_prints_in_the_middle_of_a_print_harms_nothing(
    platform: Platform,
) -> None:
    served = await serve(
        platform,
        "coroutines",
        """
        import signal
        ticks = 0
        def tick(*_):
            global ticks
            ticks += 1
            print("tick")
            signal.setitimer(signal.ITIMER_REAL, 0.0005 if ticks < 50 else 0)
        signal.signal(signal.SIGALRM, tick)
        async def main():
            signal.setitimer(signal.ITIMER_REAL, 0.0005)
            n = 0
            while n < 2000 or ticks < 50:
                sys.stdout.write(f"line {n}\\n")
                n += 1
            return {"v": n}
        """,
    )
    many = await served.value()
    lines = [line for line in served.log(0) if line != "tick"]
    assert lines == [f"line {n}" for n in range(many)]
