"""Libraries that a zygote imports for all its children, and whether it can still fork them."""

from __future__ import annotations

import contextlib
import gc
import importlib
import itertools
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_READ = 500
_UNSHARED = ("socket:", "pipe:", "anon_inode:[eventpoll]", "anon_inode:[io_uring]")
"""Open files that a fork would share between executions. Files of the disk do no harm."""


class _Noting(dict):  # type: ignore[type-arg]
    """The variables of the process, which notes what is looked up in it."""

    read: set[Any]

    def __getitem__(self, key: Any) -> Any:
        self.read.add(key)
        return super().__getitem__(key)


class Preloaded:
    """modules: what is imported now. read: names of variables that were looked up for that.

    hindrance: why this process must not fork; empty when it can.
    """

    def __init__(self, names: Iterable[str]) -> None:
        before = {**sys.modules}
        opened = _open_files()
        noting = _noting()
        for name in names:
            _import(name)
        self.read = _noted(noting)
        self._modules = set(sys.modules)
        self._added: dict[str, list[str]] = {}
        """By its first part, names of modules that were not there before."""
        for name in self._modules - set(before):
            self._added.setdefault(name.partition(".")[0], []).append(name)
        self.hindrance = _hindrance(opened)
        gc.collect()
        gc.freeze()

    def forget_shadowed(self, folder: str) -> None:
        """Let the user's own files be found under names that a library has been imported by."""
        for entry in os.listdir(folder):
            for name in self._added.get(entry.partition(".")[0], ()):
                sys.modules.pop(name, None)

    def more(self, folder: str) -> list[str]:
        """Libraries that have been imported since: not what lies in the user's folder."""
        found = []
        # The last are the newest: to look at all would copy the memory that all have in common.
        for name in [*itertools.takewhile(self._is_new, reversed(sys.modules))]:
            spec = getattr(sys.modules.get(name), "__spec__", None)
            origin = getattr(spec, "origin", None)
            if isinstance(name, str) and isinstance(origin, str) and not origin.startswith(folder):
                found.append(name)
        return found

    def _is_new(self, name: Any) -> bool:
        return name not in self._modules


def import_quietly(names: Iterable[str], environment: dict[str, str]) -> None:
    """Import what can be imported, with these variables beside those that there are."""
    os.environ.update(environment)
    for name in names:
        _import(name)


def start_afresh() -> None:
    """Undo, in a child, what libraries have drawn once for the zygote."""
    random = sys.modules.get("numpy.random")  # numpy itself imports it late, and slowly
    if random is not None:
        random.seed()
    tempfile = sys.modules.get("tempfile")
    if tempfile is not None:
        tempfile.tempdir = None  # type: ignore[attr-defined]
    gc.enable()


def _import(name: str) -> None:
    with contextlib.suppress(BaseException):  # whoever needs it meets the same error
        importlib.import_module(name)


def _noting() -> _Noting | None:
    data = getattr(os.environ, "_data", None)
    if type(data) is not dict:
        return None
    noting = _Noting(data)
    noting.read = set()
    _set_data(noting)
    return noting


def _noted(noting: _Noting | None) -> list[str]:
    if noting is None:
        return []
    _set_data(dict(noting))
    read = [os.fsdecode(name) for name in noting.read if isinstance(name, (bytes, str))]
    return sorted(read)[:_MOST_READ]


def _set_data(data: dict[Any, Any]) -> None:
    """os.environ and os.environb are two views of one dict."""
    os.environ._data = data  # type: ignore[attr-defined]
    os.environb._data = data  # type: ignore[attr-defined]


def _hindrance(opened_before: set[str]) -> str:
    """Threads that a fork would lose, or open files that it would share."""
    threading = sys.modules.get("threading")
    if threading is not None and threading.active_count() > 1:
        return "its libraries have started threads"
    # Pools of native code that know of fork (OpenBLAS) end with the first one, and are not counted.
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    if len(_entries("/proc/self/task")) > 1:
        return "its libraries have started threads of native code"
    shared = sorted(_open_files() - opened_before)
    if shared:
        return f"its libraries have opened {shared[0]}"
    return ""


def _open_files() -> set[str]:
    found = set()
    for name in _entries("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
        if target.startswith(_UNSHARED):
            found.add(target)
    return found


def _entries(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
