"""Calls of the Linux kernel that Python has no function for."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys

_CLOSE_RANGE = 436
_MOST_DESCRIPTORS = (1 << 32) - 1

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def call(number: int, *arguments: int | bytes | None) -> int:
    """A system call by its number. Raises OSError."""
    return _checked(_libc.syscall(ctypes.c_long(number), *map(_word, arguments)))


def prctl(option: int, *arguments: int) -> int:
    """Raises OSError."""
    padded = (*arguments, 0, 0, 0, 0)[:4]
    return _checked(_libc.prctl(option, *map(ctypes.c_ulong, padded)))


def unshare(flags: int) -> None:
    """Raises OSError."""
    _checked(_libc.unshare(flags))


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """Raises OSError that names the target."""
    result = _libc.mount(
        source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode()
    )
    _checked(result, target)


def close_from(lowest: int) -> None:
    """Close all descriptors of this process from a number on."""
    try:
        if not sys.platform.startswith("linux"):
            raise OSError("a system call of Linux")
        call(_CLOSE_RANGE, lowest, _MOST_DESCRIPTORS, 0)
    except OSError:  # before Linux 5.9
        for number in _open_descriptors():
            if number >= lowest:
                with contextlib.suppress(OSError):
                    os.close(number)


def _open_descriptors() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        return list(range(1024))


def _word(argument: int | bytes | None) -> ctypes.c_long | ctypes.c_char_p:
    return ctypes.c_long(argument) if isinstance(argument, int) else ctypes.c_char_p(argument)


def _checked(result: int, path: str | None = None) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    return result
