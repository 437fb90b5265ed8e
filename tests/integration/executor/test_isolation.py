"""Attempts of user code to reach what is not its own. Without walls they succeed, or show nothing.

Every attempt runs in the real executor at each level of isolation.
"""

import ctypes
import json
import os
import subprocess
import textwrap
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
from tests.integration.executor.platform import SECRET, Platform, is_alive, platform_in
from tests.shared_folder import folder_in, shared_folder

pytestmark = pytest.mark.asyncio(loop_scope="module")

TREASURE = "the treasure of another execution"

REACHED = "reached"

IS_ROOT = os.geteuid() == 0

VICTIM = """
import ctypes, json, os, socket, time

def main(meeting):
    with open("treasure", "w") as file:
        file.write(TREASURE)
    held = open("treasure")
    memory = ctypes.create_string_buffer(TREASURE.encode())
    sockets = {}
    for kind, address in (("abstract", "\\0" + meeting), ("disk", "socket")):
        listening = sockets[kind] = socket.socket(socket.AF_UNIX)
        listening.bind(address)
        listening.listen()
    seen = {
        "pid": os.getpid(),
        "folder": os.getcwd(),
        "address": ctypes.addressof(memory),
        "descriptor": held.fileno(),
        "abstract": "\\0" + meeting,
    }
    with open(os.path.join(meeting, "seen.part"), "w") as file:
        json.dump(seen, file)
    os.rename(file.name, os.path.join(meeting, "seen"))
    while not os.path.exists(os.path.join(meeting, "open")):
        time.sleep(0.005)
    with open("treasure") as file:
        return {"v": [file.read(), sorted(os.listdir(".")), os.nice(0), os.getrlimit()]}
"""
VICTIM = VICTIM.replace("TREASURE", repr(TREASURE)).replace(
    "os.getrlimit()", "__import__('resource').getrlimit(7)"
)

ATTACKER = """
import ctypes, errno, os, pathlib, resource, signal, socket, struct, sys, time
from types import SimpleNamespace

libc = ctypes.CDLL(None, use_errno=True)
IS_ARM = os.uname().machine == "aarch64"

def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result

def call(numbers, *arguments):
    libc.syscall.restype = ctypes.c_long
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return checked(libc.syscall(ctypes.c_long(numbers[IS_ARM]), *words))

def others():
    found = [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    return [pid for pid in found if pid != os.getpid()]

def read_memory(pid, address, size):
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        return memory.read(size)

def copy_memory(pid, address, size):
    class Piece(ctypes.Structure):
        _fields_ = (("start", ctypes.c_void_p), ("size", ctypes.c_size_t))
    own = ctypes.create_string_buffer(size)
    ours, theirs = Piece(ctypes.addressof(own), size), Piece(address, size)
    pieces = (ctypes.byref(ours), 1, ctypes.byref(theirs), 1, 0)
    call((310, 270), pid, *pieces)
    return own.raw

def aimed(pid):
    # Processes of two zygotes may have the same number, each in its own view.
    if pid == os.getpid():
        raise ProcessLookupError("that is the attacker itself")
    return pid

def any_of(pids, act):
    problem = None
    for pid in dict.fromkeys(pids):
        try:
            aimed(pid)
            if act(pid):
                return "reached"
        except OSError as error:
            problem = error
    if problem is not None:
        raise problem

def attempt(known):
BODY

def main(**known):
    try:
        return {"v": attempt(SimpleNamespace(**known))}
    except OSError as error:
        return {"v": f"{type(error).__name__}: {error}"}
"""


@dataclass(frozen=True)
class Attempt:
    """body: returns "reached" when it has succeeded. It knows what `Scene.known` says.

    is_harmless: it can be tried without walls. needs_view: it would hit the whole host if walls did
    not hold, so that it is tried in a view of processes alone. needs_root: to succeed without
    walls. needs_scopes: of Landlock, to be refused.
    """

    body: str
    is_harmless: bool = True
    needs_view: bool = False
    needs_root: bool = False
    needs_scopes: bool = False

    @property
    def source(self) -> str:
        body = textwrap.indent(textwrap.dedent(self.body).strip(), "    ")
        return ATTACKER.replace("BODY", body)


PLATFORM = {
    "the secrets in the environment of a process": Attempt(
        """
        def look(pid):
            with open(f"/proc/{pid}/environ", "rb") as file:
                return known.secret.encode() in file.read()
        return any_of([known.guard, known.executor, *others()], look)
        """
    ),
    "the file with the secret key": Attempt(
        """
        with open(known.secret_file) as file:
            return file.read() == known.secret and "reached"
        """
    ),
    "a file that everybody may read": Attempt(
        """
        with open(os.path.join(known.outside, "file")) as file:
            return "reached"
        """
    ),
    "a file that everybody may write": Attempt(
        """
        with open(os.path.join(known.outside, "file"), "a") as file:
            return "reached"
        """
    ),
    "a folder that everybody may write to": Attempt(
        """
        with open(os.path.join(known.outside, f"new-{os.getpid()}"), "w") as file:
            return "reached"
        """
    ),
    "code of others that the executor keeps": Attempt(
        """
        for folder, _, names in os.walk(os.path.join(known.work_dir, "archives")):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    return file.read() and "reached"
        """
    ),
    "code of others by its path": Attempt(
        """
        with open(known.archived, "rb") as file:
            return file.read() and "reached"
        """
    ),
    "the memory of the executor": Attempt(
        """
        wanted = known.secret.encode()
        def look(pid):
            return read_memory(pid, known.executor_address, len(wanted)) == wanted
        return any_of([known.executor, *others()], look)
        """,
        needs_root=True,
    ),
    "the memory of the executor, copied by the kernel": Attempt(
        """
        wanted = known.secret.encode()
        def look(pid):
            return copy_memory(pid, known.executor_address, len(wanted)) == wanted
        return any_of([known.executor, *others()], look)
        """,
        needs_root=True,
    ),
    "the memory of its zygote": Attempt(
        """
        def look(pid):
            with open(f"/proc/{pid}/maps") as maps:
                first = next(line for line in maps if " rw-p " in line)
            return read_memory(pid, int(first.partition("-")[0], 16), 1)
        return any_of([os.getppid(), 1], look)
        """,
        needs_root=True,
    ),
    "the open files of its zygote": Attempt(
        """
        def look(pid):
            return os.readlink(f"/proc/{pid}/fd/1")
        return any_of([os.getppid(), 1], look)
        """
    ),
    "the end of its zygote": Attempt(
        "os.kill(os.getppid(), signal.SIGKILL)", is_harmless=False, needs_scopes=True
    ),
    "the end of all that it sees": Attempt(
        """
        return any_of(others(), lambda pid: os.kill(pid, signal.SIGKILL) or True)
        """,
        needs_view=True,
        needs_scopes=True,
    ),
    "the end of whatever there is": Attempt(
        """
        before = set(others())
        os.kill(-1, signal.SIGKILL)
        return "reached" if before - set(others()) else None
        """,
        needs_view=True,
        needs_scopes=True,
    ),
    "the folders of the system": Attempt(
        """
        folders = ("/", "/etc", "/usr/lib", "/usr/local/bin", "/opt", "/var/tmp", "/home", "/root",
                   "/run", "/sys/kernel", "/proc/sys/kernel", "/dev", known.work_dir)
        for folder in folders:
            try:
                open(os.path.join(folder, "of-a-pipeline"), "w").close()
                return "reached"
            except OSError as error:
                refusal = error
        raise refusal
        """,
        is_harmless=False,
    ),
    "settings of the kernel": Attempt(
        """
        with open("/proc/sys/kernel/hostname", "w") as file:
            return "reached"
        """,
        is_harmless=False,
    ),
    "the user root": Attempt(
        """
        os.setuid(0)
        return "reached" if os.getuid() == 0 else None
        """,
        needs_root=True,
    ),
    "a program of root": Attempt(
        """
        import subprocess
        found = subprocess.run(
            ["su", "-c", "id -u"], capture_output=True, stdin=subprocess.DEVNULL, text=True
        )
        return "reached" if found.stdout.strip() == "0" else None
        """,
        needs_root=True,
    ),
    "capabilities": Attempt(
        """
        with open("/proc/self/status") as file:
            fields = dict(line.split(":", 1) for line in file)
        held = [int(fields[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")]
        return "reached" if any(held) else None
        """,
        needs_root=True,
    ),
    "namespaces of its own": Attempt(
        """
        checked(libc.unshare(0x10000000))
        return "reached"
        """
    ),
    "namespaces of a new process": Attempt(
        """
        pid = call((56, 220), 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0)
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        return "reached"
        """
    ),
    "a mount": Attempt(
        """
        checked(libc.unshare(0x10000000 | 0x00020000))
        checked(libc.mount(b"none", os.getcwdb(), b"tmpfs", 0, None))
        return "reached"
        """
    ),
    "a mount without any namespace": Attempt(
        """
        checked(libc.mount(b"none", os.getcwdb(), b"tmpfs", 0, None))
        return "reached"
        """,
        is_harmless=False,
    ),
    "another view of the disk": Attempt(
        """
        os.chroot(".")
        return "reached"
        """,
        needs_root=True,
    ),
    "namespaces of others": Attempt(
        """
        handle = os.open("/proc/self/ns/uts", os.O_RDONLY)
        checked(libc.setns(handle, 0))
        return "reached"
        """,
        needs_root=True,
    ),
    "the kernel's keys": Attempt(
        """
        call((248, 217), b"user", b"of-a-pipeline", b"x", 1, -3)
        return "reached"
        """
    ),
    "the kernel's rings": Attempt(
        """
        handle = call((425, 425), 1, ctypes.create_string_buffer(120))
        os.close(handle)
        return "reached"
        """
    ),
}
"""Against the platform and the system."""

NEIGHBOUR = {
    "a file": Attempt(
        """
        with open(os.path.join(known.folder, "treasure")) as file:
            return file.read() == known.treasure and "reached"
        """
    ),
    "a file, by writing": Attempt(
        """
        with open(os.path.join(known.folder, "treasure"), "a") as file:
            return "reached"
        """
    ),
    "a new file": Attempt(
        """
        with open(os.path.join(known.folder, "new"), "w") as file:
            return "reached"
        """
    ),
    "the names of files": Attempt(
        """
        return "treasure" in os.listdir(known.folder) and "reached"
        """
    ),
    "the name of its folder": Attempt(
        """
        place = pathlib.Path(known.folder).parent
        return place.name in os.listdir(place.parent) and "reached"
        """
    ),
    "another name of a file": Attempt(
        """
        os.link(os.path.join(known.folder, "treasure"), "mine")
        return "reached"
        """
    ),
    "the place of a file": Attempt(
        """
        os.rename(os.path.join(known.folder, "socket"), os.path.join(known.folder, "moved"))
        return "reached"
        """
    ),
    "its folder through /proc": Attempt(
        """
        def look(pid):
            with open(f"/proc/{pid}/cwd/treasure") as file:
                return file.read() == known.treasure
        return any_of([known.pid, *others()], look)
        """
    ),
    "its disk through /proc": Attempt(
        """
        def look(pid):
            with open(f"/proc/{pid}/root{known.folder}/treasure") as file:
                return file.read() == known.treasure
        return any_of([known.pid, *others()], look)
        """
    ),
    "an open file through /proc": Attempt(
        """
        def look(pid):
            with open(f"/proc/{pid}/fd/{known.descriptor}") as file:
                return file.read() == known.treasure
        return any_of([known.pid, *others()], look)
        """
    ),
    "an open file": Attempt(
        """
        def look(pid):
            handle = os.pidfd_open(pid)
            taken = call((438, 438), handle, known.descriptor, 0)
            return os.pread(taken, 1000, 0).decode() == known.treasure
        return any_of([known.pid, *others()], look)
        """,
        needs_root=True,
    ),
    "memory": Attempt(
        """
        wanted = known.treasure.encode()
        def look(pid):
            return read_memory(pid, known.address, len(wanted)) == wanted
        return any_of([known.pid, *others()], look)
        """,
        needs_root=True,
    ),
    "memory, copied by the kernel": Attempt(
        """
        wanted = known.treasure.encode()
        def look(pid):
            return copy_memory(pid, known.address, len(wanted)) == wanted
        return any_of([known.pid, *others()], look)
        """,
        needs_root=True,
    ),
    "every step of it": Attempt(
        """
        def look(pid):
            checked(libc.ptrace(16, pid, None, None))
            os.waitpid(pid, 0x40000000)
            checked(libc.ptrace(17, pid, None, None))
            return True
        return any_of([known.pid, *others()], look)
        """,
        needs_root=True,
    ),
    "its end": Attempt(
        """
        os.kill(aimed(known.pid), signal.SIGKILL)
        return "reached"
        """,
        needs_scopes=True,
    ),
    "its end by a handle": Attempt(
        """
        signal.pidfd_send_signal(os.pidfd_open(aimed(known.pid)), signal.SIGKILL)
        return "reached"
        """,
        needs_scopes=True,
    ),
    "a rest of it": Attempt(
        """
        os.kill(aimed(known.pid), signal.SIGSTOP)
        os.kill(aimed(known.pid), signal.SIGCONT)
        return "reached"
        """,
        needs_scopes=True,
    ),
    "its limits": Attempt(
        """
        resource.prlimit(aimed(known.pid), resource.RLIMIT_NOFILE, (77, 77))
        return "reached"
        """
    ),
    "its abstract socket": Attempt(
        """
        socket.socket(socket.AF_UNIX).connect(known.abstract)
        return "reached"
        """,
        needs_scopes=True,
    ),
    "its socket on the disk": Attempt(
        """
        folder = os.open(known.folder, os.O_PATH)
        socket.socket(socket.AF_UNIX).connect(f"/proc/self/fd/{folder}/socket")
        return "reached"
        """
    ),
}
"""Against another execution."""


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
