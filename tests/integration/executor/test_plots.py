"""Folders of executions are used again, and only when no execution left a trace in them."""

import mmap
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pumphouse.executor import plot as plot_times
from pumphouse.executor.plot import Plot, tells_changes_apart
from pumphouse.executor.walls import Walls

TOUCHES: dict[str, Callable[[Path], object]] = {
    "a file": lambda folder: (folder / "tmp" / "left").touch(),
    "a file that is gone again": lambda folder: _come_and_go(folder / "home" / "left"),
    "a file in a mount point": lambda folder: (folder / "tmp" / "a" / "b" / "left").touch(),
    "a file beside the code": lambda folder: (folder / "left").touch(),
    "rights": lambda folder: (folder / "home").chmod(0o777),
    "rights of all": lambda folder: folder.chmod(0o755),
    "rights that are as before": lambda folder: (folder / "tmp").chmod(0o700),
    "an attribute": lambda folder: os.setxattr(folder / "tmp", "user.left", b"x"),
    "times": lambda folder: os.utime(folder / "home", (1, 1)),
    "a folder less": lambda folder: (folder / "tmp" / "a" / "b").rmdir(),
    "another folder": lambda folder: _replace(folder / "home"),
    "a link": lambda folder: _link(folder / "home", folder / "tmp"),
    "no folder": lambda folder: _remove_all(folder),
}


def _come_and_go(path: Path) -> None:
    path.touch()
    path.unlink()


def _replace(path: Path) -> None:
    path.rmdir()
    path.mkdir(0o700)


def _link(path: Path, target: Path) -> None:
    path.rmdir()
    path.symlink_to(target)


def _remove_all(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


@dataclass
class Ground:
    """Where plots are, and the code of two archives."""

    folder: Path
    is_exact: bool = True
    has_room: bool = True
    free: deque[Plot] = field(default_factory=deque)

    def __post_init__(self) -> None:
        for name in ("one", "two"):
            code = self.archive(name)
            (code / "package").mkdir(parents=True)
            for path in (code / "main.py", code / "package" / "part.py"):
                path.write_text(name)

    def archive(self, name: str) -> Path:
        return self.folder / "archives" / name

    def keep(self, plot: Plot) -> bool:
        if self.has_room:
            self.free.append(plot)
        return self.has_room

    def plot(self, *, is_settled: bool = True, is_kept: bool = True) -> Plot:
        folder = self.folder / "run"
        inner = [folder / name for name in ("home", "tmp", "tmp/a", "tmp/a/b")]
        for path in (folder, *inner):
            path.mkdir(0o700)
        if is_settled:
            time.sleep(0.02)
        keep = self.keep if is_kept else None
        return Plot(folder, Walls(limits={}), inner, self.is_exact, keep)

    def begin(self, plot: Plot, archive: str = "one") -> None:
        """Let an execution of that code have it."""
        plot.furnish(self.archive(archive), lambda _: None)
        plot.begin()

    def end(self, plot: Plot) -> bool:
        """Take it back; whether it is there for another."""
        if not plot.take_back():
            plot.clear()
        is_free = plot in self.free
        assert plot.folder.exists() == is_free
        self.free.clear()
        return is_free


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    if not tells_changes_apart(tmp_path):
        pytest.skip("the times of this system's files are coarse, so that no code is kept")
    return Ground(tmp_path)


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


MADE = {"home", "tmp", "tmp/a", "tmp/a/b"}
KEPT = {*MADE, "kept", "kept/main.py", "kept/package", "kept/package/part.py"}


def test_what_nobody_touched_is_used_again_and_again(ground: Ground) -> None:
    plot = ground.plot()
    inode = None
    for _ in range(3):
        ground.begin(plot)
        main = plot.folder / "code" / "main.py"
        assert main.read_text() == "one"
        assert inode in (None, main.stat().st_ino)
        inode = main.stat().st_ino
        assert plot.take_back()
        assert names(plot.folder) == KEPT


def test_what_the_executor_gave_an_execution_goes(ground: Ground) -> None:
    plot = ground.plot()
    plot.furnish(ground.archive("one"), lambda _: None)
    (plot.folder / "inputs-1").mkdir()
    (plot.folder / "inputs-1" / "file").touch()
    plot.begin()
    assert not plot.take_back()
    plot.clear()
    assert names(plot.folder) == KEPT


def test_other_code_takes_the_place_of_what_was_kept(ground: Ground) -> None:
    plot = ground.plot()
    for archive in ("one", "two", "two", "one"):
        ground.begin(plot, archive)
        assert (plot.folder / "code" / "package" / "part.py").read_text() == archive
        assert names(plot.folder / "code") == {"main.py", "package", "package/part.py"}
        assert ground.end(plot)


CODE_TOUCHES: dict[str, Callable[[Path], object]] = {
    "a file written": lambda code: (code / "main.py").write_text("evil"),
    "a file written as before": lambda code: (code / "main.py").write_text("one"),
    "a file mapped": lambda code: _map(code / "main.py"),
    "a new file": lambda code: (code / "package" / "new.py").touch(),
    "a file that is gone again": lambda code: _come_and_go(code / "package" / "new.py"),
    "a file less": lambda code: (code / "main.py").unlink(),
    "another file": lambda code: _exchange(code / "main.py"),
    "another name for a file": lambda code: (code / "package" / "more").hardlink_to(
        code / "main.py"
    ),
    "rights of a file": lambda code: (code / "main.py").chmod(0o777),
    "rights": lambda code: code.chmod(0o777),
    "rights taken away": lambda code: (code / "package").chmod(0),
    "an attribute": lambda code: os.setxattr(code / "main.py", "user.left", b"x"),
}


def _map(path: Path) -> None:
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[0] = ord("E")


def _exchange(path: Path) -> None:
    other = path.with_name("other")
    other.write_text("evil")
    other.rename(path)


@pytest.mark.parametrize("touch", CODE_TOUCHES)
@pytest.mark.parametrize("before", [0, 2])
def test_code_that_an_execution_has_touched_is_copied_anew(
    ground: Ground, touch: str, before: int
) -> None:
    plot = ground.plot()
    for _ in range(before):
        ground.begin(plot)
        assert ground.end(plot)
    ground.begin(plot)
    CODE_TOUCHES[touch](plot.folder / "code")
    assert not plot.take_back()
    plot.clear()
    assert names(plot.folder) == MADE
    ground.begin(plot)
    assert names(plot.folder / "code") == {"main.py", "package", "package/part.py"}
    assert (plot.folder / "code" / "main.py").read_text() == "one"


@pytest.mark.parametrize("touch", TOUCHES)
@pytest.mark.parametrize("before", [0, 1])
def test_what_an_execution_has_touched_is_removed(ground: Ground, touch: str, before: int) -> None:
    plot = ground.plot()
    for _ in range(before):
        ground.begin(plot)
        assert ground.end(plot)
    ground.begin(plot)
    TOUCHES[touch](plot.folder)
    assert not ground.end(plot)


def test_much_code_is_not_kept(ground: Ground) -> None:
    for number in range(60):
        (ground.archive("one") / f"{number}.py").touch()
    plot = ground.plot()
    ground.begin(plot)
    assert ground.end(plot)
    assert names(plot.folder) == MADE


def test_where_times_are_coarse_no_code_is_kept(ground: Ground) -> None:
    ground.is_exact = False
    plot = ground.plot()
    ground.begin(plot)
    assert ground.end(plot)
    assert names(plot.folder) == MADE


def test_where_times_are_coarse_what_is_so_new_is_used_once(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plot_times, "_TICK_NS", 3_600_000_000_000)  # however slow the machine is
    ground.is_exact = False
    plot = ground.plot(is_settled=False)
    ground.begin(plot)
    assert not ground.end(plot)


def test_one_that_was_never_begun_is_removed(ground: Ground) -> None:
    plot = ground.plot()
    assert not ground.end(plot)
    plot = ground.plot()
    ground.begin(plot)
    assert ground.end(plot)
    plot.furnish(ground.archive("one"), lambda _: None)
    assert not ground.end(plot)


def test_one_for_which_there_is_no_room_is_removed(ground: Ground) -> None:
    plot = ground.plot()
    ground.has_room = False
    ground.begin(plot)
    assert not ground.end(plot)


def test_where_each_has_to_have_a_new_one_none_is_kept(ground: Ground) -> None:
    plot = ground.plot(is_kept=False)
    ground.begin(plot)
    assert not ground.end(plot)
