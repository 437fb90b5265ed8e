"""Where control groups are found, and what is written to those of each version."""

from pathlib import Path

import pytest

from pumphouse.executor.cgroup import V1, V2, Cgroup
from pumphouse.executor.cgroups import Cgroups, NoCgroups, Parents, find_parents


class Host:
    """A made-up one: files of a folder stand in for those of the kernel."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mounts = folder / "mountinfo"
        self._memberships = folder / "memberships"
        self._mounts.touch()
        self._memberships.touch()

    def mount(self, name: str, *, root: str = "/", controllers: str = "") -> Path:
        path = self._folder / name
        path.mkdir()
        kind = "cgroup" if controllers else "cgroup2"
        options = f"rw,{controllers}" if controllers else "rw"
        with self._mounts.open("a") as file:
            file.write(f"30 20 0:1 {root} {path} rw shared:9 - {kind} {kind} {options}\n")
        return path

    def join(self, line: str) -> None:
        with self._memberships.open("a") as file:
            file.write(line + "\n")

    def parents(self, *, is_root: bool = False) -> Parents:
        return find_parents(self._mounts, self._memberships, is_root=is_root)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def unified(folder: Path, *, controllers: str = "cpu memory pids", given: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cgroup.controllers").write_text(controllers)
    (folder / "cgroup.subtree_control").write_text(given)


def test_version_1_has_a_place_in_each_hierarchy(host: Host) -> None:
    memory = host.mount("memory", controllers="memory")
    pids = host.mount("pids", controllers="pids")
    host.join("4:memory:/a/b")
    host.join("8:pids:/")
    (memory / "a" / "b").mkdir(parents=True)
    assert host.parents() == Parents(V1, memory / "a" / "b", pids)


def test_a_container_that_sees_its_group_alone_has_it_at_the_top(host: Host) -> None:
    memory = host.mount("memory", root="/docker/x", controllers="memory")
    pids = host.mount("pids", root="/docker/x", controllers="pids")
    host.join("4:memory:/docker/x")
    host.join("8:pids:/docker/x")
    assert host.parents() == Parents(V1, memory, pids)


def test_an_ordinary_user_has_its_own_group_of_version_2(host: Host) -> None:
    top = host.mount("unified")
    host.join("0::/user.slice/own")
    own = top / "user.slice" / "own"
    unified(own)
    assert host.parents() == Parents(V2, own, own)
    assert (own / "cgroup.subtree_control").read_text() == "+memory +pids"


def test_the_executor_moves_to_a_leaf_where_it_would_be_in_the_way(host: Host) -> None:
    top = host.mount("unified")
    host.join("0::/own")
    unified(top / "own")
    (top / "own" / "cgroup.type").write_text("domain")
    (top / "own" / "cgroup.procs").write_text("17\n")
    host.parents()
    assert (top / "own" / "pumphouse-executor" / "cgroup.procs").read_text() == "17"


def test_what_an_executor_has_moved_to_a_leaf_is_not_moved_again(host: Host) -> None:
    top = host.mount("unified")
    host.join("0::/own/pumphouse-executor")
    unified(top / "own", given="cpu memory pids")
    (top / "own" / "pumphouse-executor").mkdir()
    assert host.parents() == Parents(V2, top / "own", top / "own")


def test_root_stays_outside_of_what_a_service_manager_rules(host: Host) -> None:
    top = host.mount("unified")
    host.join("0::/system.slice/some.service")
    unified(top / "system.slice" / "some.service")
    unified(top, given="cpu memory pids")
    assert host.parents(is_root=True) == Parents(V2, top, top)


def test_controllers_that_version_2_lacks_are_named(host: Host) -> None:
    unified(host.mount("unified"), controllers="cpu pids")
    host.join("0::/")
    with pytest.raises(NoCgroups, match="no controller for memory"):
        host.parents()


def test_without_hierarchies_there_are_no_groups(host: Host) -> None:
    with pytest.raises(NoCgroups):
        host.parents()


def group(folder: Path) -> Cgroup:
    """Of version 2, with the files that the kernel would have put there."""
    for name in ("memory.max", "memory.swap.max", "pids.max", "cgroup.procs", "cgroup.kill"):
        (folder / name).touch()
    (folder / "pids.current").write_text("0\n")
    (folder / "memory.events").write_text("low 0\noom 2\noom_kill 1\n")
    return Cgroup(V2, folder, folder)


def test_limits_of_version_2(tmp_path: Path) -> None:
    made = group(tmp_path)
    made.limit(1000, 7)
    assert (tmp_path / "memory.max").read_text() == "1000"
    assert (tmp_path / "pids.max").read_text() == "7"
    made.enter(42)
    assert (tmp_path / "cgroup.procs").read_text() == "42"
    made.kill()
    assert (tmp_path / "cgroup.kill").read_text() == "1"


def test_a_group_without_processes_is_empty(tmp_path: Path) -> None:
    made = group(tmp_path)
    assert made.is_empty()
    (tmp_path / "pids.current").write_text("12\n")
    assert not made.is_empty()


def test_only_what_has_been_killed_since_the_beginning_counts(tmp_path: Path) -> None:
    made = group(tmp_path)
    made.begin()
    assert not made.was_out_of_memory()
    (tmp_path / "memory.events").write_text("oom_kill 2\n")
    assert made.was_out_of_memory()


def test_groups_of_version_2_are_given_controllers(tmp_path: Path) -> None:
    with pytest.raises(NoCgroups):
        Cgroups(Parents(V2, tmp_path / "missing", tmp_path / "missing"))
