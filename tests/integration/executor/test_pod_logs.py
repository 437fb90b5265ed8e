"""What is told of pods: what they write outside of executions, and what becomes of them."""

import pytest
from msgspec.structs import replace

from pumphouse.contracts.vocabulary import Status
from pumphouse.executor import pod_log
from tests.integration.executor.platform import Platform
from tests.integration.executor.side_by_side import serve

both_ways = pytest.mark.parametrize("at_once", [None, 2])


@both_ways
async def test_what_a_module_writes_while_it_is_imported_is_the_pod_s(
    platform: Platform, at_once: int | None
) -> None:
    source = """
    print("loading")
    print("careful", file=sys.stderr)
    os.write(1, b"native\\n")
    sys.stdout.write("unfinished")
    def main():
        print("called")
    """
    served = await serve(platform, "threads", source, at_once=at_once)
    assert (await served.run()).status is Status.SUCCEEDED
    assert served.log(0) == ["called"]
    written = {"loading", "careful", "native", "unfinished"}
    await platform.until(lambda: written <= set(served.pod_log()))
    assert served.pod_log()[0] == "[the process is started]"
    assert "called" not in served.pod_log()
    streams = {line.text: line.stream for event in platform.pod_logs for line in event.lines}
    assert (streams["loading"], streams["careful"]) == ("stdout", "stderr")


@both_ways
async def test_what_a_thread_writes_between_executions_is_the_pod_s(
    platform: Platform, at_once: int | None
) -> None:
    source = """
    def speak(gate):
        wait(gate, "thread")
        print("from the background")
    def main(gate):
        threading.Thread(target=speak, args=(gate,)).start()
        print("called")
    """
    served = await serve(platform, "threads", source, at_once=at_once)
    assert (await served.run(gate=str(served.gate.folder))).status is Status.SUCCEEDED
    served.gate.open("thread")
    await platform.until(lambda: "from the background" in served.pod_log())
    assert served.log(0) == ["called"]


@both_ways
async def test_the_log_says_how_a_pod_ended_and_goes_on_with_the_next(
    platform: Platform, at_once: int | None
) -> None:
    source = "print('loading', life)\ndef main():\n    return {'v': life}"
    served = await serve(platform, "threads", source, at_once=at_once)
    life = await served.value()
    (pod,) = platform.pods()
    pod.kill()
    await platform.until(lambda: served.statuses() == ["up", "down_retrying", "up"])
    other = await served.value()
    await platform.until(lambda: f"loading {other}" in served.pod_log())
    assert [line.partition(" (")[0] for line in served.pod_log()] == [
        "[the process is started]",
        f"loading {life}",
        "[the process was ended by SIGKILL",
        "[the process is started]",
        f"loading {other}",
    ]
    reported = dict.fromkeys(pod.id for report in platform.pod_reports for pod in report.pods)
    assert list(dict.fromkeys(event.pod_id for event in platform.pod_logs)) == list(reported)


@both_ways
async def test_the_log_of_a_pod_that_does_not_start_says_why(
    platform: Platform, at_once: int | None
) -> None:
    code = await platform.code("print('loading')\nraise RuntimeError('cannot load this')")
    deployment = await platform.deploy(code, at_once=at_once)
    await platform.until(lambda: "RuntimeError: cannot load this" in platform.pod_log(deployment))
    assert platform.pod_log(deployment)[:3] == [
        "[the process is started]",
        "loading",
        "[the process could not be started]",
    ]
    assert '  File "main.py", line 2, in <module>' in platform.pod_log(deployment)


async def test_a_pod_that_is_stopped_has_told_everything(platform: Platform) -> None:
    source = "import atexit\ndef main():\n    os.write(1, b'unfinished')"
    served = await serve(platform, "threads", source, at_once=2)
    await served.run()
    await platform.change(deployment=replace(served.deployment, is_enabled=False))
    await platform.until(lambda: "unfinished" in served.pod_log())
    assert "[the process is stopped]" in served.pod_log()
    assert not any("SIGKILL" in line for line in served.pod_log())


async def test_a_pod_that_never_stops_writing_is_cut_short_and_goes_on(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pod_log, "HELD_LIMIT", 10_000)
    source = """
    def write():
        for n in range(5000):
            print("noise", n)
        print("silence", flush=True)
        time.sleep(1)
        print("end")
    threading.Thread(target=write, daemon=True).start()
    def main():
        return {"v": 1}
    """
    served = await serve(platform, "threads", source)
    assert await served.value() == 1
    await platform.until(lambda: "end" in served.pod_log())
    lines = served.pod_log()
    dropped = [line for line in lines if "more lines were dropped" in line]
    assert dropped
    missing = sum(int(line.strip("[").split()[0]) for line in dropped)
    kept = sum(line.startswith("noise") or line == "silence" for line in lines)
    assert missing + kept == 5001
