"""Landlock: what of the disk and of other processes this process and its children can reach."""

from __future__ import annotations

import contextlib
import os
import stat
import struct

from pumphouse.executor.runner import kernel

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_OF_THE_FIRST_ABI = (1 << 13) - 1
_REFER, _TRUNCATE, _IOCTL_DEVICE = 1 << 13, 1 << 14, 1 << 15
_READING = _EXECUTE | _READ_FILE | _READ_DIR
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEVICE
_SCOPE_ABSTRACT_SOCKETS, _SCOPE_SIGNALS = 1, 2

SCOPING_ABI = 6
"""The first that keeps signals and abstract sockets inside."""


def abi() -> int:
    """The version that the kernel has, 0 where it has none."""
    try:
        return kernel.call(_CREATE_RULESET, None, 0, _VERSION_FLAG)
    except OSError:
        return 0


def restrict(
    readable: list[str], writable: list[str], unlisted: list[str], *, is_scoped: bool
) -> None:
    """From now on, only these paths and what is below them; no_new_privs must be set.

    unlisted: writable, but nobody can see the names in it. is_scoped: signals and abstract sockets
    reach only what this process starts. A path that is missing is left out. Raises OSError.
    """
    version = abi()
    if version < 1:
        raise OSError("the kernel has no Landlock, or it is not switched on")
    if is_scoped and version < SCOPING_ABI:
        raise OSError(f"Landlock {version} cannot keep signals inside; {SCOPING_ABI} can")
    everything = _rights(version)
    scopes = _SCOPE_ABSTRACT_SOCKETS | _SCOPE_SIGNALS if is_scoped else 0
    attributes = struct.pack("<QQQ", everything, 0, scopes)[: 24 if is_scoped else 8]
    ruleset = kernel.call(_CREATE_RULESET, attributes, len(attributes), 0)
    try:
        for paths, rights in (
            (readable, _READING),
            (writable, everything),
            (unlisted, everything & ~_READ_DIR),
        ):
            for path in paths:
                _allow(ruleset, path, rights & everything)
        kernel.call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not stat.S_ISDIR(os.fstat(place).st_mode):
                rights &= _OF_FILES
            kernel.call(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("<Qi", rights, place), 0)
        finally:
            os.close(place)


def _rights(version: int) -> int:
    """All that a version knows of."""
    added = ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEVICE))
    return _OF_THE_FIRST_ABI | sum(right for since, right in added if version >= since)
