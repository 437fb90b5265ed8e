"""Attempts of user code to reach what is not its own. Without walls they succeed, or show nothing.

Every attempt runs in the real executor at each level of isolation.
"""

import ctypes
import json
import os
import subprocess
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio
from msgspec.structs import replace

from pumphouse.contracts.executions import ExecutionFinished
from pumphouse.contracts.vocabulary import Mode, Status
from pumphouse.errors import NotSupported
from pumphouse.executor.isolation import Level
from pumphouse.executor.runner import landlock
from tests.integration.executor.building import Building, from_shelf, shelf, wheel
from tests.integration.executor.escapes.attempt import REACHED, TREASURE, VICTIM, Attempt
from tests.integration.executor.escapes.on_neighbours import NEIGHBOUR
from tests.integration.executor.escapes.on_platform import PLATFORM
from tests.integration.executor.platform import SECRET, Platform, is_alive, platform_in
from tests.shared_folder import folder_in, shared_folder

pytestmark = pytest.mark.asyncio(loop_scope="module")

IS_ROOT = os.geteuid() == 0


@dataclass
class Scene:
    """A platform at one level of isolation. known: what attackers know."""

    platform: Platform
    folder: Path
    level: Level
    known: dict[str, Any]

    def skip_needless(self, attempt: Attempt) -> None:
        if self.level is Level.PLAIN and not attempt.is_harmless:
            pytest.skip("it would do harm")
        if self.level is not Level.WALLED and attempt.needs_view:
            pytest.skip("it could do harm")
        if self.level is Level.PLAIN and attempt.needs_root and not IS_ROOT:
            pytest.skip("it needs root")
        if attempt.needs_scopes and landlock.abi() < landlock.SCOPING_ABI:
            pytest.skip("this kernel's Landlock has no scopes")

    async def check(self, attempt: Attempt, **known: Any) -> None:
        """Try, and see that it is refused by walls, and only by walls."""
        self.judge(attempt, await self.outcome(attempt, **known))

    async def outcome(self, attempt: Attempt, **known: Any) -> Any:
        code = await self.platform.code(attempt.source)
        plan = self.platform.plan(code, {**self.known, **known}, {"v": "json"})
        await self.platform.send(plan)
        finished = await self.platform.end(plan)
        assert finished.status is Status.SUCCEEDED, finished.error
        return finished.outputs[0].value

    def judge(self, attempt: Attempt, found: Any) -> None:
        if self.level is not Level.PLAIN:
            assert found != REACHED
        else:
            assert found == REACHED


@asynccontextmanager
async def scene_at(level: Level, folder: Path, store_url: str, guard: int) -> AsyncIterator[Scene]:
    """folder: that everybody can reach by its path."""
    secret_file = folder / "secret_key"
    secret_file.touch(0o600)
    secret_file.write_text(SECRET)
    outside = folder_in(folder)
    (outside / "file").touch()
    (outside / "file").chmod(0o666)
    memory = ctypes.create_string_buffer(SECRET.encode())
    async with platform_in(folder, store_url) as platform, AsyncExitStack() as stack:
        platform.settings = replace(
            platform.settings, isolation=int(level), require_isolation=int(level)
        )
        try:
            await stack.enter_async_context(platform.executor())
        except NotSupported as refusal:
            if level is Level.WALLED:
                raise
            pytest.skip(refusal.message)
        else:
            assert (await platform.run("def main(): pass")).status is Status.SUCCEEDED
            known = {
                "secret": SECRET,
                "secret_file": str(secret_file),
                "guard": guard,
                "executor": os.getpid(),
                "executor_address": ctypes.addressof(memory),
                "outside": str(outside),
                "work_dir": str(platform.work_dir),
                "archived": str(next(platform.work_dir.glob("archives/**/main.py"))),
                "treasure": TREASURE,
            }
            yield Scene(platform, folder, level, known)


@pytest.fixture(scope="module")
def guard() -> Iterator[int]:
    """A process like the executor's, which has a secret in its environment."""
    secret = {"PUMPHOUSE_SECRET_KEY": SECRET}
    process = subprocess.Popen(["sleep", "3600"], env={**os.environ, **secret})
    yield process.pid
    process.kill()
    process.wait()


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=list(Level)[::-1],
    ids=lambda level: level.name.lower(),
)
async def scene(request: pytest.FixtureRequest, store_url: str, guard: int) -> AsyncIterator[Scene]:
    # Not below /tmp, which no execution sees anyway.
    with shared_folder(Path("/var/tmp")) as folder:
        async with scene_at(request.param, folder, store_url, guard) as scene:
            yield scene


@asynccontextmanager
async def neighbour(scene: Scene, mode: Mode) -> AsyncIterator[dict[str, Any]]:
    """Another execution at work, and what is known of it; at the end it must be unharmed."""
    platform = scene.platform
    meeting = folder_in(platform.shared)
    code = await platform.code(VICTIM)
    deployment = None if mode is Mode.ELASTIC else await platform.deploy(code)
    plan = platform.plan(
        code,
        {"meeting": str(meeting)},
        {"v": "json"},
        mode=mode,
        deployment_id=None if deployment is None else deployment.id,
    )
    await platform.send(plan)
    await platform.until(lambda: (meeting / "seen").exists() or bool(platform.ends(plan)))
    try:
        yield json.loads((meeting / "seen").read_text())
    finally:
        (meeting / "open").touch()
        finished = await platform.end(plan)
        if deployment is not None:
            await platform.change(deleted_deployment_id=deployment.id)
    if scene.level is not Level.PLAIN:
        check_unharmed(finished)


def check_unharmed(finished: ExecutionFinished) -> None:
    assert finished.status is Status.SUCCEEDED, finished.error
    content, names, niceness, (open_files, _) = finished.outputs[0].value
    assert content == TREASURE
    assert names == ["main.py", "socket", "treasure"]
    assert niceness == 0
    assert open_files > 77


@pytest.mark.parametrize("case", PLATFORM)
async def test_user_code_cannot_reach(scene: Scene, case: str) -> None:
    scene.skip_needless(PLATFORM[case])
    await scene.check(PLATFORM[case])


CHANGE = Attempt(
    """
    import tiny
    for path in (tiny.__file__, os.path.dirname(tiny.__file__)):
        os.chmod(path, 0o777)
    with open(tiny.__file__, "a") as file:
        return "reached"
    """
)


async def test_user_code_cannot_change_its_environment(scene: Scene) -> None:
    building = Building(scene.platform)
    await building.serve()
    wheels = shelf(scene.folder / "shelf", wheel("tiny"))
    code = await building.built(CHANGE.source, from_shelf(wheels, "tiny"))
    finished = await building.run(code)
    assert finished.status is Status.SUCCEEDED, finished.error
    scene.judge(CHANGE, finished.outputs[0].value)


LEFT = Attempt(
    """
    import subprocess
    places = ["/tmp", "/dev/shm", os.environ["HOME"], os.environ["TMPDIR"], "."]
    paths = [os.path.join(place, known.name) for place in places]
    if any(map(os.path.exists, paths)):
        return "reached"
    for path in paths:
        open(path, "w").close()
    subprocess.Popen(["sleep", known.seconds], start_new_session=True)
    """
)


async def test_user_code_finds_nothing_of_an_earlier_execution(scene: Scene) -> None:
    seconds = f"{7100 + os.getpid() / 10_000_000:.7f}"
    known = {"name": f"left-{uuid.uuid4().hex}", "seconds": seconds}
    try:
        assert await scene.outcome(LEFT, **known) is None
        scene.judge(LEFT, await scene.outcome(LEFT, **known))
    finally:
        for folder in ("/tmp", "/dev/shm"):
            Path(folder, known["name"]).unlink(missing_ok=True)
    await scene.platform.until(
        lambda: (
            not any(
                process.info["cmdline"] == ["sleep", seconds] and is_alive(process)
                for process in psutil.process_iter(["cmdline"])
            )
        )
    )


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("case", NEIGHBOUR)
async def test_user_code_cannot_reach_of_another_execution(
    scene: Scene, case: str, mode: Mode
) -> None:
    scene.skip_needless(NEIGHBOUR[case])
    async with neighbour(scene, mode) as seen:
        await scene.check(NEIGHBOUR[case], **seen)
