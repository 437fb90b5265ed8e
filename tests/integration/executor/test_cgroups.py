"""Control groups of this host, where the tests may make any."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from pumphouse.executor.cgroup import Cgroup
from pumphouse.executor.cgroups import Cgroups, NoCgroups, Parents, find_parents
from tests.processes import eventually


@pytest.fixture
def parents() -> Parents:
    try:
        return find_parents(is_root=os.geteuid() == 0)
    except NoCgroups as reason:
        pytest.skip(str(reason))


@pytest.fixture
def groups(parents: Parents) -> Iterator[Cgroups]:
    made = Cgroups(parents)
    yield made
    made.close()


def test_executors_that_start_at_once_leave_one_another_their_groups(parents: Parents) -> None:
    def start(_: int) -> None:
        made = Cgroups(parents)
        try:
            made.acquire()
        finally:
            made.close()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(start, range(400)))


def started_in(group: Cgroup, code: str) -> subprocess.Popen[bytes]:
    """A Python that runs the code once it is in the group."""
    command = [sys.executable, "-c", f"import sys; sys.stdin.read()\n{code}"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    group.enter(process.pid)
    assert process.stdin is not None
    process.stdin.close()
    return process


def run_in(group: Cgroup, code: str) -> int:
    """The status of a Python that has run the code in the group."""
    with started_in(group, code) as process:
        return process.wait(30)


def test_an_execution_that_needs_too_much_memory_is_killed_and_it_is_known(groups: Cgroups) -> None:
    group = groups.acquire()
    group.limit(64 << 20, 50)
    assert run_in(group, "bytearray(b'x') * (200 << 20)") == -9
    assert group.was_out_of_memory()
    group.limit(400 << 20, 50)
    group.begin()
    assert run_in(group, "bytearray(b'x') * (200 << 20)") == 0
    assert not group.was_out_of_memory()


def test_an_execution_has_no_more_processes_than_its_limit(groups: Cgroups) -> None:
    code = """
import os, signal
born = []
try:
    while len(born) < 40:
        born.append(os.fork())
        born[-1] or signal.pause()
except BlockingIOError:
    pass
for pid in born:
    os.kill(pid, 9)
    os.waitpid(pid, 0)
os._exit(len(born))
"""
    group = groups.acquire()
    group.limit(None, 10)
    assert run_in(group, code) == 9
    group.limit(None, 100)
    assert run_in(group, code) == 40


def test_all_that_an_execution_started_ends_with_it(groups: Cgroups) -> None:
    group = groups.acquire()
    group.limit(None, 50)
    code = """
import os, time
for _ in range(3):
    os.fork()
if os.getpid() % 2:
    os.setsid()
time.sleep(60)
"""
    with started_in(group, code) as process:
        eventually(lambda: len((group.pids / "cgroup.procs").read_text().split()) == 8)
        groups.release(group)
        assert process.wait(10) == -9
    eventually(group.is_empty)
    assert groups.acquire() is group


def test_groups_of_a_dead_executor_go_and_those_of_a_living_one_stay(parents: Parents) -> None:
    living = Cgroups(parents)
    kept = living.acquire()
    left = parents.memory / "pumphouse" / "1-dead"
    (left / "1").mkdir(parents=True)
    Cgroups(parents).close()
    assert not left.exists()
    assert kept.memory.exists()
    living.release(kept)
    living.close()
    assert not kept.memory.exists()
