"""What executions and pods promise holds at each level of isolation that this host can have."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from pumphouse.contracts.vocabulary import Mode, Status
from pumphouse.errors import NotSupported
from pumphouse.executor.isolation import Level
from tests.integration.executor.building import USE, Building, from_shelf, shelf, wheel
from tests.integration.executor.files import content_of, given_file, planned, returned_file, run_in
from tests.integration.executor.platform import Platform, platform_in
from tests.integration.executor.side_by_side import both_kinds, serve

both_modes = pytest.mark.parametrize("mode", list(Mode))


@pytest.fixture(params=list(Level), ids=lambda level: level.name.lower())
async def platform(
    request: pytest.FixtureRequest, tmp_path: Path, store_url: str
) -> AsyncIterator[Platform]:
    level: Level = request.param
    async with platform_in(tmp_path, store_url) as platform:
        platform.settings = replace(
            platform.settings, isolation=int(level), require_isolation=int(level)
        )
        try:
            async with platform.executor():
                yield platform
        except NotSupported as refusal:
            if level is Level.WALLED:
                raise
            pytest.skip(refusal.message)


@both_modes
async def test_values_files_and_lines_go_through(platform: Platform, mode: Mode) -> None:
    source = """
    import os, sys
    def main(f, n):
        print("out")
        os.system("echo native")
        print("err", file=sys.stderr)
        with open(f["path"], "rb") as given, open("made", "wb") as made:
            made.write(given.read()[::-1] * n)
        return {"f": {"path": "made"}, "v": n}
    """
    given = await given_file(platform, "f", b"abc")
    number = platform.plan(await platform.code(""), {"n": 2}, {"v": "number"})
    plan = await planned(
        platform, mode, source, (given, *number.inputs), (returned_file(), *number.outputs)
    )
    await platform.send(plan)
    finished = await platform.end(plan)
    assert finished.status is Status.SUCCEEDED, finished.error
    assert await content_of(platform, finished.outputs[0]) == b"cbacba"
    assert finished.outputs[1].value == 2
    assert sorted(platform.log(plan)) == ["err", "native", "out"]


@both_modes
async def test_what_fails_says_why(platform: Platform, mode: Mode) -> None:
    finished = await run_in(platform, mode, "def main():\n    raise ValueError('boom')")
    assert finished.status is Status.FAILED
    assert (finished.error or "").startswith("ValueError: boom\n")
    finished = await run_in(platform, mode, "import os\ndef main():\n    os.kill(os.getpid(), 9)")
    assert finished.status is Status.FAILED
    assert "SIGKILL" in (finished.error or "")


async def test_a_limit_ends_a_tree_of_processes(platform: Platform) -> None:
    source = """
    import os, time
    def main():
        for _ in range(3):
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    time.sleep(61)
        time.sleep(61)
    """
    plan = platform.plan(await platform.code(source), timeout_s=1)
    await platform.send(plan)
    finished = await platform.end(plan)
    assert finished.error == "The execution exceeded its time limit of 1 s and was stopped."
    await platform.until(platform.is_at_rest)


async def test_nothing_remains_of_an_execution(platform: Platform) -> None:
    source = """
    import os, subprocess, tempfile
    def main():
        homes = (os.environ["HOME"], tempfile.gettempdir(), ".")
        found = ["left" in os.listdir(folder) for folder in homes]
        for folder in homes:
            open(os.path.join(folder, "left"), "w").close()
        subprocess.Popen(["sleep", "61"], start_new_session=True)
        return {"v": found}
    """
    for _ in range(2):
        finished = await platform.run(source, {}, {"v": "json"})
        assert finished.status is Status.SUCCEEDED, finished.error
        assert finished.outputs[0].value == [False] * 3
    await platform.until(platform.is_at_rest)


@both_kinds
async def test_a_pod_runs_many_at_once(platform: Platform, kind: str) -> None:
    source = 'DEF main(gate, i):\n    WAIT(gate, i)\n    return {"v": life}'
    served = await serve(platform, kind, source, at_once=3)
    await served.wait(*range(3))
    await platform.until(lambda: len(served.gate.begun()) == 3)
    served.gate.open(*range(3))
    assert len({(await served.end(i)).outputs[0].value for i in range(3)}) == 1


async def test_a_pod_that_dies_comes_back(platform: Platform) -> None:
    source = "def main(gate, i):\n    wait(gate, i)\n    return {'v': life}"
    served = await serve(platform, "threads", source, at_once=None)
    served.gate.open("before", "after")
    before = (await served.end(await served.wait("before"))).outputs[0].value
    (pod,) = platform.pods()
    pod.kill()
    await platform.until(lambda: served.statuses() == ["up", "down_retrying", "up"])
    assert (await served.end(await served.wait("after"))).outputs[0].value != before


@both_modes
async def test_code_finds_what_it_requires(building: Building, tiny: Path, mode: Mode) -> None:
    code = await building.built(USE, from_shelf(tiny, "tiny"))
    finished = await building.run(code, mode)
    assert finished.status is Status.SUCCEEDED, finished.error
    assert finished.outputs[0].value == "2.0"


@both_modes
async def test_libraries_find_the_folders_that_code_finds(
    building: Building, tmp_path: Path, mode: Mode
) -> None:
    names = "[os.environ.get(name) for name in ('HOME', 'TMPDIR', 'USER')]"
    library = wheel("placed", source=f"import os\nVERSION = {names}")
    lines = from_shelf(shelf(tmp_path / "shelf", library), "placed")
    source = f"import os, placed\ndef main():\n    return {{'v': [placed.VERSION, {names}]}}"
    code = await building.built(source, lines)
    for _ in range(3):
        finished = await building.run(code, mode)
        assert finished.status is Status.SUCCEEDED, finished.error
        at_import, at_work = finished.outputs[0].value
        assert at_import == at_work
        assert None not in at_work
