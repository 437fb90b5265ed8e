"""A user and mount namespace of one's own, with private folders in it and no capability."""

from __future__ import annotations

import contextlib
import os
import stat
import struct

from pumphouse.executor.runner import kernel

_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_CAPABILITY_VERSION_3 = 0x20080522
_PATH_ONLY = getattr(os, "O_PATH", 0) | os.O_CLOEXEC
_CAPSET = {"x86_64": 126, "aarch64": 91}


def enter(folders: dict[str, str], kept: list[str], shared_memory_bytes: int) -> None:
    """Leave for namespaces in which each place is a folder of one's own, and /dev/shm is empty.

    folders: by the place. kept: paths below such places that stay where they are, if they are
    there. Only for a process of one thread. Raises OSError.
    """
    user, group = os.getuid(), os.getgid()
    kernel.unshare(_CLONE_NEWUSER | _CLONE_NEWNS)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{user} {user} 1")
    _write("/proc/self/gid_map", f"{group} {group} 1")
    kernel.mount("none", "/", "none", _MS_REC | _MS_PRIVATE)
    # By descriptors, because a place may hide where another one comes from.
    sources = {place: os.open(folder, _PATH_ONLY) for place, folder in folders.items()}
    for path in kept:
        with contextlib.suppress(FileNotFoundError):
            sources[path] = os.open(path, _PATH_ONLY)
    for place, source in sources.items():
        if place in kept:
            _make_mount_point(place, source)
        kernel.mount(f"/proc/self/fd/{source}", place, "none", _MS_BIND)
        os.close(source)
    options = f"mode=1777,size={shared_memory_bytes}"
    kernel.mount("tmpfs", "/dev/shm", "tmpfs", _MS_NOSUID | _MS_NODEV, options)  # noqa: S108


def _make_mount_point(place: str, source: int) -> None:
    """A folder or an empty file, as what is going to be found there."""
    if stat.S_ISDIR(os.fstat(source).st_mode):
        os.makedirs(place, exist_ok=True)
        return
    os.makedirs(os.path.dirname(place), exist_ok=True)
    os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))


def drop_capabilities() -> None:
    """Of this process; with no_new_privs none can come back. Raises OSError."""
    kernel.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    header = struct.pack("<Ii", _CAPABILITY_VERSION_3, 0)
    kernel.call(_CAPSET[os.uname().machine], header, bytes(24))


def _write(path: str, text: str) -> None:
    with open(path, "wb", buffering=0) as file:
        file.write(text.encode())
