"""Folders of executions are used again, and only when no execution left a trace in them."""

import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import pytest

from pumphouse.executor.plot import Plot
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


class Ground:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.free: deque[Plot] = deque()
        self.has_room = True

    def keep(self, plot: Plot) -> bool:
        if self.has_room:
            self.free.append(plot)
        return self.has_room

    def plot(self, *, is_settled: bool = True, is_kept: bool = True) -> Plot:
        """One with what an execution is given."""
        folder = self._folder / "run"
        inner = [folder / name for name in ("home", "tmp", "tmp/a", "tmp/a/b")]
        for path in (folder, *inner):
            path.mkdir(0o700)
        if is_settled:
            time.sleep(0.02)
        self.give(folder)
        return Plot(folder, Walls(limits={}), inner, self.keep if is_kept else None)

    @staticmethod
    def give(folder: Path) -> None:
        for name in ("code", "inputs-1"):
            (folder / name).mkdir()
            (folder / name / "file").touch()


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path)


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_what_nobody_touched_is_used_again_and_again(ground: Ground) -> None:
    plot = ground.plot()
    for _ in range(3):
        plot.begin()
        (plot.folder / "code" / "file").write_text("written by the execution")
        (plot.folder / "code" / "more").mkdir(0)
        plot.clear()
        assert ground.free.popleft() is plot
        assert names(plot.folder) == {"home", "tmp", "tmp/a", "tmp/a/b"}
        ground.give(plot.folder)


@pytest.mark.parametrize("touch", TOUCHES)
def test_what_an_execution_has_touched_is_removed(ground: Ground, touch: str) -> None:
    plot = ground.plot()
    plot.begin()
    TOUCHES[touch](plot.folder)
    plot.clear()
    assert not ground.free
    assert not plot.folder.exists()


@pytest.mark.parametrize("touch", TOUCHES)
def test_it_is_noticed_in_the_second_execution_too(ground: Ground, touch: str) -> None:
    plot = ground.plot()
    plot.begin()
    plot.clear()
    ground.free.clear()
    ground.give(plot.folder)
    plot.begin()
    TOUCHES[touch](plot.folder)
    plot.clear()
    assert not ground.free
    assert not plot.folder.exists()


def test_what_is_so_new_that_changes_may_not_show_is_used_once(ground: Ground) -> None:
    plot = ground.plot(is_settled=False)
    plot.begin()
    plot.clear()
    assert not ground.free
    assert not plot.folder.exists()


def test_one_that_was_never_begun_is_removed(ground: Ground) -> None:
    plot = ground.plot()
    plot.clear()
    assert not plot.folder.exists()


def test_one_for_which_there_is_no_room_is_removed(ground: Ground) -> None:
    plot = ground.plot()
    ground.has_room = False
    plot.begin()
    plot.clear()
    assert not plot.folder.exists()


def test_where_each_has_to_have_a_new_one_none_is_kept(ground: Ground) -> None:
    plot = ground.plot(is_kept=False)
    plot.begin()
    plot.clear()
    assert not ground.free
    assert not plot.folder.exists()
