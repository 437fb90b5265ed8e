"""Processes that are forked from loaded libraries behave as interpreters that were just started."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pumphouse.contracts.catalog import Code
from pumphouse.contracts.vocabulary import Status
from pumphouse.executor.enclosure import MOST_PLOTS
from tests.integration.executor.building import Building, from_shelf, shelf, wheel
from tests.integration.executor.platform import open_descriptors

COUNTED = """
import os
with open({loads!r}, "a") as file:
    file.write("x")
VERSION = "1.0"
"""

THREADED = """
import threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
VERSION = threading.active_count()
"""

CONNECTED = """
import socket
ENDS = socket.socketpair()
VERSION = len(ENDS)
"""

MOODY = """
import os
VERSION = os.environ.get("MOOD")
"""

USE = "import lively\ndef main():\n    return {'v': lively.VERSION}"


class Lively:
    """Environments that have the library `lively`."""

    def __init__(self, building: Building, folder: Path) -> None:
        self.building = building
        self.platform = building.platform
        self._folder = folder

    async def code(self, library: str, source: str | dict[str, str] = USE) -> Code:
        """Code in an environment with such a library."""
        requirements = from_shelf(
            shelf(self._folder / "shelf", wheel("lively", source=library)), "lively"
        )
        return await self.building.built(source, requirements)

    async def value(self, code: Code) -> Any:
        finished = await self.building.run(code)
        assert finished.status is Status.SUCCEEDED, finished.error
        return finished.outputs[0].value


@pytest.fixture
async def lively(building: Building, tmp_path: Path) -> AsyncIterator[Lively]:
    yield Lively(building, tmp_path)
    shutil.rmtree(tmp_path / "shelf", ignore_errors=True)


async def settled(lively: Lively, code: Code, loads: Path) -> int:
    """Run until a run loads nothing; how often the library was loaded by then."""
    platform = lively.platform
    before = -1
    while (now := len(loads.read_text()) if loads.exists() else 0) != before:
        before = now
        assert now < 20, "each execution loads it anew"
        await lively.value(code)
        await platform.until(lambda: len(platform.forks()) >= platform.settings.elastic_spares)
    return now


async def test_a_library_that_was_imported_is_not_loaded_again(lively: Lively) -> None:
    loads = lively.platform.shared / "loads"
    loads.touch()
    loads.chmod(0o666)
    code = await lively.code(COUNTED.format(loads=str(loads)))
    count = await settled(lively, code, loads)
    assert count >= 1
    for _ in range(8):
        assert await lively.value(code) == "1.0"
    assert len(loads.read_text()) == count


async def test_chance_is_another_in_each_execution(lively: Lively) -> None:
    source = """
    import random, secrets, uuid, tempfile
    import lively
    early = random.random()
    def main():
        name = tempfile.NamedTemporaryFile().name
        return {"v": [early, random.random(), str(uuid.uuid4()), secrets.token_hex(), name]}
    """
    code = await lively.code("import random\nVERSION = random.random()", source)
    for found in zip(*[await lively.value(code) for _ in range(8)], strict=True):
        assert len(set(found)) == 8


HINDERED = {
    "a thread": (THREADED, 2, "its libraries have started threads"),
    "a socket": (CONNECTED, 2, "its libraries have opened socket:"),
}


@pytest.mark.parametrize("case", HINDERED)
async def test_a_library_that_bears_no_fork_is_imported_by_each_execution_itself(
    lively: Lively, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "pumphouse.executor")
    library, expected, reason = HINDERED[case]
    code = await lively.code(library)
    for _ in range(4):
        assert await lively.value(code) == expected
    await lively.platform.until(lambda: reason in caplog.text)
    for _ in range(4):
        assert await lively.value(code) == expected


FATAL = {
    "exit": ("import os\nos._exit(9)", "exit code 9"),
    "crash": ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
}


@pytest.mark.parametrize("case", FATAL)
async def test_a_library_that_ends_its_process_fails_those_who_import_it_alone(
    lively: Lively, case: str
) -> None:
    library, words = FATAL[case]
    code = await lively.code(library)
    for _ in range(2):
        finished = await lively.building.run(code)
        assert finished.status is Status.FAILED
        assert words in (finished.error or "")
    careful = await lively.code(library, "def main():\n    return {'v': 7}")
    assert await lively.value(careful) == 7


async def test_a_library_that_loads_once_only_is_loaded_by_each_execution(lively: Lively) -> None:
    """As one that asks who its process is: it ends a zygote, and no execution."""
    fatal = "import os\nif os.getppid() == 1 or 'CRAFT_AI_EXECUTION_ID' not in os.environ:\n"
    code = await lively.code(fatal + "    os._exit(3)\nVERSION = 5")
    for _ in range(4):
        assert await lively.value(code) == 5


async def test_a_library_that_reads_a_variable_sees_its_change(lively: Lively) -> None:
    code = await lively.code(MOODY)
    for mood in ("calm", "keen", "calm"):
        await lively.platform.set_variable("MOOD", mood)
        for _ in range(3):
            assert await lively.value(code) == mood


async def test_a_file_of_the_user_comes_before_a_library_of_its_name(lively: Lively) -> None:
    loads = lively.platform.shared / "loads"
    loads.touch()
    loads.chmod(0o666)
    library = COUNTED.format(loads=str(loads))
    await settled(lively, await lively.code(library), loads)
    own = {"main.py": USE, "lively.py": "VERSION = 'my own'"}
    code = await lively.code(library, own)
    for _ in range(3):
        assert await lively.value(code) == "my own"


async def test_the_users_own_files_are_run_in_every_execution(lively: Lively) -> None:
    files = {
        "main.py": """
            import lively, steps
            calls = 0
            def main():
                global calls
                calls += 1
                return {"v": [calls, steps.EXECUTION]}
        """,
        "steps.py": "import os\nEXECUTION = os.environ['CRAFT_AI_EXECUTION_ID']",
    }
    code = await lively.code("VERSION = 1", files)
    found = [await lively.value(code) for _ in range(8)]
    assert [calls for calls, _ in found] == [1] * 8
    assert len({execution for _, execution in found}) == 8


@pytest.mark.timeout(240)
async def test_three_hundred_executions_leave_nothing(lively: Lively) -> None:
    platform = lively.platform
    code = await lively.code("VERSION = 1")

    async def run_many(count: int) -> None:
        plans = [platform.plan(code, {}, {"v": "json"}, pipeline_id=f"p{i}") for i in range(count)]
        for plan in plans:
            await platform.send(plan)
        for plan in plans:
            assert (await platform.end(plan, within_s=120)).status is Status.SUCCEEDED

    def left() -> tuple[int, int]:
        """Descriptors and processes."""
        return open_descriptors(), len(platform.processes())

    def folders() -> int:
        return len(list(platform.work_dir.glob("runs/*/*/ground/*")))

    spares = 2 * platform.settings.elastic_spares  # of this environment and of the blank one
    most = spares + 2 * MOST_PLOTS
    await run_many(30)
    await platform.until(lambda: platform.is_at_rest(spares) and folders() <= most)
    descriptors, processes = left()
    await run_many(300)
    await platform.until(lambda: platform.is_at_rest(spares) and folders() <= most)
    await platform.until(lambda: left()[0] <= descriptors and left()[1] <= processes)
