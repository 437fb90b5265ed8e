"""seccomp: system calls that no pipeline needs, and that are where the kernel is broken into."""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import struct
from typing import NamedTuple

from pumphouse.executor.runner import kernel

_DENIED: dict[str, tuple[int | None, int | None]] = {
    # name: (x86_64, aarch64)
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "acct": (163, 89),
    "syslog": (103, 116),
    "vhangup": (153, 58),
    "clock_settime": (227, 112),
    "settimeofday": (164, 170),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "uselib": (134, None),
    "_sysctl": (156, None),
}

_CLONE3 = 435
_NEW_NAMESPACES = 0x7E020000

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW = 0x7FFF0000
_FAIL = 0x00050000


class Machine(NamedTuple):
    """audit: the kernel's number of the architecture. clone, prlimit: of these calls.

    foreign: calls from here on are of another one that the same processor takes.
    """

    audit: int
    column: int
    clone: int
    prlimit: int
    foreign: int | None


MACHINES = {
    "x86_64": Machine(audit=0xC000003E, column=0, clone=56, prlimit=302, foreign=0x40000000),
    "aarch64": Machine(audit=0xC00000B7, column=1, clone=220, prlimit=261, foreign=None),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


@functools.lru_cache
def program(machine: str) -> bytes:
    """The filter for BPF. Raises OSError for a machine whose system calls are not known."""
    try:
        audit, column, clone, prlimit, foreign = MACHINES[machine]
    except KeyError:
        raise OSError(f"the system calls of {machine} are not known") from None
    numbers = {calls[column] for calls in _DENIED.values()}
    denied = sorted(number for number in numbers if number is not None)
    # Each jump leads to one of the returns, which are last and in this order, or to "limits".
    checks: list[tuple[int, int, str | None, str | None]] = [
        (_LOAD, _ARCHITECTURE, None, None),
        (_EQUAL, audit, None, "refuse"),
        (_LOAD, _NUMBER, None, None),
    ]
    if foreign is not None:
        checks.append((_AT_LEAST, foreign, "refuse", None))
    checks += [(_EQUAL, number, "refuse", None) for number in denied]
    checks += [
        (_EQUAL, _CLONE3, "unknown", None),
        (_EQUAL, clone, None, "limits"),
        (_LOAD, _FIRST_ARGUMENT, None, None),
        (_ANY_BIT, _NEW_NAMESPACES, "refuse", "allow"),
    ]
    limits = len(checks)
    # Of another process: Landlock leaves it to whoever has the same user, such as an execution
    # beside this one, which it could end with a limit of no time.
    checks += [
        (_EQUAL, prlimit, None, "allow"),
        (_LOAD, _FIRST_ARGUMENT, None, None),
        (_EQUAL, 0, "allow", "refuse"),
    ]
    returns = {"refuse": _FAIL | errno.EPERM, "unknown": _FAIL | errno.ENOSYS, "allow": _ALLOW}
    places = {name: len(checks) + index for index, name in enumerate(returns)}
    places["limits"] = limits
    code = [
        struct.pack(
            "<HBBI",
            operation,
            places[yes] - index - 1 if yes else 0,
            places[no] - index - 1 if no else 0,
            operand,
        )
        for index, (operation, operand, yes, no) in enumerate(checks)
    ]
    code += [struct.pack("<HBBI", _RETURN, 0, 0, value) for value in returns.values()]
    return b"".join(code)


def refuse_calls() -> None:
    """For good, in this process and all that it starts; no_new_privs must be set. Raises OSError.

    clone3 is answered as by a kernel that does not have it, because its flags cannot be read here:
    the C library then takes clone.
    """
    code = program(os.uname().machine)
    compiled = _Program(len(code) // 8, code)
    kernel.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(compiled))
