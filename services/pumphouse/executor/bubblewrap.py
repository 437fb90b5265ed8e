"""A zygote's view of the disk and of processes, made by bubblewrap."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from pumphouse.executor.identity import HOME
from pumphouse.executor.system_paths import FOLDERS, LINKS, SETTINGS

PROGRAM = "bwrap"

_NAMESPACES = ("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent")


def view(
    *,
    readable: Iterable[Path],
    identity: Path,
    writable: Iterable[Path],
    shared_memory_bytes: int,
    is_root: bool,
    start_in: Path = Path("/"),
) -> list[str]:
    """The command up to that which it runs, whose descriptors are passed on.

    readable: beside the system's own. identity: a folder with a `passwd` and a `group`. writable:
    the only folders of the host that can be written to. All paths are absolute.
    """
    return [
        PROGRAM,
        *_NAMESPACES,
        *(() if is_root else ("--unshare-user",)),
        *_system(),
        *("--ro-bind", str(identity / "passwd"), "/etc/passwd"),
        *("--ro-bind", str(identity / "group"), "/etc/group"),
        *("--proc", "/proc", "--dev", "/dev"),
        *_memory("/dev/shm", shared_memory_bytes),  # noqa: S108 - made here
        *_memory("/tmp", shared_memory_bytes),  # noqa: S108 - made here
        *(part for path in readable for part in _bound("--ro-bind-try", path)),
        *("--dir", HOME),
        *(part for path in writable for part in _bound("--bind", path)),
        *("--chdir", str(start_in), "--"),
    ]


def _system() -> Iterator[str]:
    for path in map(Path, (*FOLDERS, *LINKS, *SETTINGS)):
        if path.is_symlink() and str(path) in LINKS:
            yield from ("--symlink", os.readlink(path), str(path))
        elif path.exists():
            yield from _bound("--ro-bind-try", path)


def _bound(how: str, path: Path) -> Iterator[str]:
    for folder in [*reversed(path.parents)][1:]:
        yield from ("--dir", str(folder))  # else only root could pass through it
    yield from (how, str(path), str(path))


def _memory(path: str, size: int) -> tuple[str, ...]:
    return ("--perms", "1777", "--size", str(size), "--tmpfs", path)
