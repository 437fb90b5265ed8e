"""What user code cannot reach behind its walls, and could without them."""

import os
import platform
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from pumphouse.executor.isolation import Level
from pumphouse.executor.walls import Limits
from tests.integration.executor.walled import ZYGOTE, Site, site

LEVELS = (Level.WALLED, Level.BARRED)


@pytest.fixture(params=["root", "ordinary"])
def at(request: pytest.FixtureRequest) -> Iterator[Site]:
    with site(request.param) as found:
        yield found


each_level = pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.name.lower())

SYSTEM_CALL = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
"""

ESCAPES = {
    "files of another execution": "open(beside + '/private').read()",
    "names of other executions": "import os; os.listdir(ground)",
    "writing beside its folder": "open(ground + '/mine', 'w')",
    "environment of the zygote": "open(f'/proc/{zygote}/environ', 'rb').read()",
    "descriptors of the zygote": "import os; os.readlink(f'/proc/{zygote}/fd/0')",
    "signal to the zygote": "import os, signal; os.kill(zygote, signal.SIGURG)",
    "signal to another execution": "import os, signal; os.kill(neighbour, signal.SIGURG)",
    "namespaces of its own": SYSTEM_CALL + "checked(libc.unshare(0x10020000))",
    "a mount in namespaces of its own": SYSTEM_CALL
    + "checked(libc.unshare(0x10020000))\n"
    + "checked(libc.mount(b'none', b'/tmp', b'tmpfs', 0, None))",
    "a child in namespaces of its own": SYSTEM_CALL
    + "number = {'x86_64': 56, 'aarch64': 220}[os.uname().machine]\n"
    + "pid = checked(libc.syscall(number, 0x10000000 | 17, 0, 0, 0, 0))\n"
    + "pid or os._exit(0)\nos.waitpid(pid, 0)",
    "keys of the kernel": SYSTEM_CALL
    + "number = {'x86_64': 250, 'aarch64': 219}[os.uname().machine]\n"
    + "checked(libc.syscall(number, 0, -3, 1))",
}


@each_level
@pytest.mark.parametrize("code", ESCAPES.values(), ids=ESCAPES.keys())
def test_walls_keep_what_is_beside_an_execution_from_it(at: Site, level: Level, code: str) -> None:
    outcome = at.attempt(code, level)
    assert set(outcome.walls.values()) == {""}
    assert outcome.error.startswith(("PermissionError", "FileNotFoundError")), outcome
    assert not at.attempt(code, level, is_walled=False).error


TRACES = {
    "attach": SYSTEM_CALL + "checked(libc.ptrace(0x4206, neighbour, 0, 0))",
    "memory": "open(f'/proc/{zygote}/mem', 'rb')",
}


@each_level
@pytest.mark.parametrize("code", TRACES.values(), ids=TRACES.keys())
def test_walls_keep_the_memory_of_others_from_an_execution(
    at: Site, level: Level, code: str
) -> None:
    assert at.attempt(code, level).error.startswith("PermissionError")
    # The neighbour is behind walls of its own, which keep nobody out.
    open_code = code.replace("neighbour", "zygote")
    if not _is_tracing_restricted():
        assert not at.attempt(open_code, level, is_walled=False).error


OUTSIDE = {
    "reading": "result = open(secret).read()",
    "listing": "import os; result = os.listdir(os.path.dirname(secret))",
    "the folders of others": "import os; result = os.listdir('/home')",
    "settings of the host": "result = open('/etc/fstab').read()",
    "writing": "open(f'/var/tmp/{name}', 'w').close()",
}


@each_level
@pytest.mark.parametrize("code", OUTSIDE.values(), ids=OUTSIDE.keys())
def test_walls_keep_the_host_from_an_execution(at: Site, level: Level, code: str) -> None:
    name = uuid.uuid4().hex
    outcome = at.attempt(code, level, name=name)
    assert outcome.error.startswith(("PermissionError", "FileNotFoundError")), outcome
    try:
        assert not at.attempt(code, Level.PLAIN, is_walled=False, name=name).error
    finally:
        Path(f"/var/tmp/{name}").unlink(missing_ok=True)


@each_level
def test_passwords_of_the_host_are_out_of_reach(at: Site, level: Level) -> None:
    assert at.attempt("open('/etc/shadow').read()", level).error
    if os.getuid() == 0:
        assert Path("/etc/shadow").read_text()


def test_processes_of_the_host_are_not_in_view(at: Site) -> None:
    code = "import os; result = [int(n) for n in os.listdir('/proc') if n.isdecimal()]"
    assert len(at.attempt(code).result) < 8
    code = f"import os; os.kill({os.getpid()}, 0)"
    assert at.attempt(code, is_walled=False).error.startswith("ProcessLookupError")


@each_level
def test_sockets_without_a_file_are_out_of_reach(at: Site, level: Level) -> None:
    name = f"\0{uuid.uuid4().hex}"
    code = "import socket; socket.socket(socket.AF_UNIX).connect(name)"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        server.listen()
        assert at.attempt(code, level, name=name).error.startswith("PermissionError")
        assert not at.attempt(code, level, is_walled=False, name=name).error


@each_level
def test_each_execution_has_its_own_tmp_and_shared_memory(at: Site, level: Level) -> None:
    name = uuid.uuid4().hex
    writing = f"for folder in ('/tmp', '/dev/shm'): open(f'{{folder}}/{name}', 'w')\n"
    # This project may lie below /tmp, and its part of it is shown.
    shown = ZYGOTE.parts[2:3] if ZYGOTE.is_relative_to("/tmp") else ()
    looking = (
        "import os; result = [n for f in ('/tmp', '/dev/shm') for n in os.listdir(f)"
        f" if n not in {shown!r}]"
    )
    assert at.attempt(looking, level, before=writing).result == []
    assert at.attempt(writing + looking, level).result == [name, name]
    cleaning = f"\nfor folder in ('/tmp', '/dev/shm'): os.unlink(f'{{folder}}/{name}')"
    unwalled = at.attempt(looking + cleaning, level, is_walled=False, before=writing)
    assert unwalled.result.count(name) == 2


@each_level
@pytest.mark.parametrize("executor", ["root", "ordinary"])
def test_what_an_execution_needs_below_tmp_stays_there(executor: str, level: Level) -> None:
    code = "import os; open('mine', 'w'); result = [folder, os.getcwd(), *os.listdir(folder)]"
    with site(executor, below="/tmp") as at:
        folder, where, *names = at.attempt(code, level).result
    assert folder == where
    assert folder.startswith("/tmp/")
    assert sorted(names) == ["home", "mine", "others", "tmp"]


@each_level
def test_no_privilege_is_left_and_none_can_be_gained(at: Site, level: Level) -> None:
    lines = at.attempt("result = list(open('/proc/self/status'))", level).result
    status = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    capabilities = {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")}
    assert {int(text, 16) for text in capabilities} == {0}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert status["Groups"] in ("", "65534")
    assert set(status["Uid"].split()) == {str(at.user.uid if at.user else at.uid)}


@each_level
def test_calls_of_another_architecture_are_refused(at: Site, level: Level) -> None:
    if platform.machine() != "x86_64":
        pytest.skip("only this processor takes calls of two architectures")
    code = SYSTEM_CALL + "checked(libc.syscall(0x40000000 + 39))"
    assert at.attempt(code, level).error.startswith("PermissionError")
    assert "PermissionError" not in at.attempt(code, level, is_walled=False).error


def test_clone3_looks_like_a_call_that_the_kernel_does_not_have(at: Site) -> None:
    code = SYSTEM_CALL + "checked(libc.syscall(435, 0, 0))"
    assert "Function not implemented" in at.attempt(code).error
    assert "Invalid argument" in at.attempt(code, is_walled=False).error


FORKING = """
import os, signal, time
children = []
try:
    while len(children) < 40:
        pid = os.fork()
        if pid == 0:
            signal.pause()
        children.append(pid)
except BlockingIOError:
    pass
result = len(children)
for pid in children:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
"""

LIMITS = {
    "processes": (FORKING + "assert result == 40", Limits(processes=20), "AssertionError"),
    "open files": (
        "files = [open('/dev/null') for _ in range(200)]",
        Limits(open_files=100),
        "OSError: [Errno 24]",
    ),
    "size of a file": (
        "file = open('large', 'wb')\nfor _ in range(3): file.write(bytes(1 << 20)); file.flush()",
        Limits(file_bytes=2 << 20),
        "OSError: [Errno 27]",
    ),
    "shared memory": (
        "file = open('/dev/shm/large', 'wb')\nfile.write(bytes(3 << 20)); file.flush()",
        Limits(shared_memory_bytes=2 << 20),
        "OSError: [Errno 28]",
    ),
}


@each_level
@pytest.mark.parametrize(("code", "limits", "error"), LIMITS.values(), ids=LIMITS.keys())
def test_limits_hold(at: Site, level: Level, code: str, limits: Limits, error: str) -> None:
    assert at.attempt(code, level, limits=limits).error.startswith(error)
    assert not at.attempt(code, level).error


@each_level
def test_processes_are_counted_for_each_execution(at: Site, level: Level) -> None:
    limits = Limits(processes=20)
    first = at.attempt(FORKING, level, limits=limits)
    assert 15 < first.result < 20


def _is_tracing_restricted() -> bool:
    scope = Path("/proc/sys/kernel/yama/ptrace_scope")
    return scope.exists() and scope.read_text().strip() != "0"
