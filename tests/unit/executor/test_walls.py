"""Limits as the kernel's own, what stays in view, and the filter of system calls."""

import struct
from pathlib import Path

import pytest

from pumphouse.executor.runner import seccomp
from pumphouse.executor.system_paths import prefixes_of
from pumphouse.executor.walls import Limits

ALLOW, EPERM, ENOSYS = 0x7FFF0000, 0x00050001, 0x00050026


def test_processes_are_not_limited_where_those_of_others_would_count() -> None:
    limits = Limits(processes=7)
    assert "NPROC" not in limits.resources(counts_processes=False)
    assert limits.resources(counts_processes=True)["NPROC"] == 7


def test_a_crash_leaves_no_core() -> None:
    assert Limits().resources(counts_processes=True)["CORE"] == 0


def test_an_environment_brings_the_python_that_it_was_made_with(tmp_path: Path) -> None:
    versions, environment = tmp_path / "versions", tmp_path / "environment"
    (versions / "3.12.1" / "bin").mkdir(parents=True)
    (versions / "3.12.1" / "bin" / "python3.12").touch()
    (versions / "3.12").symlink_to("3.12.1")
    (environment / "bin").mkdir(parents=True)
    (environment / "pyvenv.cfg").write_text(f"home = {versions}/3.12/bin\n")
    (environment / "bin" / "python").symlink_to(versions / "3.12" / "bin" / "python3.12")
    found = prefixes_of(environment / "bin" / "python")
    assert found == [environment, versions / "3.12", versions / "3.12.1"]


def test_the_system_s_own_python_brings_nothing() -> None:
    assert prefixes_of(Path("/usr/bin/python3")) == []


def ran(machine: str, audit: int, number: int, flags: int = 0) -> int:
    """What the filter answers, by the rules of classic BPF."""
    code = seccomp.program(machine)
    steps = [struct.unpack_from("<HBBI", code, at) for at in range(0, len(code), 8)]
    data = struct.pack("<iIQQ", number, audit, 0, flags)
    at = value = 0
    while True:
        operation, yes, no, operand = map(int, steps[at])
        at += 1
        if operation == 0x20:
            (value,) = struct.unpack_from("<I", data, operand)
        elif operation == 0x06:
            return operand
        else:
            is_so = {
                0x15: value == operand,
                0x35: value >= operand,
                0x45: bool(value & operand),
            }[operation]
            at += yes if is_so else no


MACHINES = {
    # audit number; calls that are: read, mount, ptrace, clone
    "x86_64": (0xC000003E, 0, 165, 101, 56),
    "aarch64": (0xC00000B7, 63, 40, 117, 220),
}

each_machine = pytest.mark.parametrize("machine", MACHINES)


@each_machine
def test_only_what_is_listed_is_refused(machine: str) -> None:
    audit, read, mount, ptrace, clone = MACHINES[machine]
    assert ran(machine, audit, read) == ALLOW
    assert ran(machine, audit, mount) == EPERM
    assert ran(machine, audit, ptrace) == EPERM
    assert ran(machine, audit, 435) == ENOSYS
    assert ran(machine, audit, clone, 0x11) == ALLOW
    assert ran(machine, audit, clone, 0x3D0F00) == ALLOW, "a thread"
    for namespace in range(25, 31):
        assert ran(machine, audit, clone, 0x11 | 1 << namespace) == EPERM


@each_machine
def test_calls_of_other_architectures_are_refused(machine: str) -> None:
    audit, read, *_ = MACHINES[machine]
    assert ran(machine, 0x40000003, read) == EPERM
    if machine == "x86_64":
        assert ran(machine, audit, 0x40000000 + read) == EPERM


def test_a_machine_whose_calls_are_unknown_has_no_filter() -> None:
    with pytest.raises(OSError, match="riscv64"):
        seccomp.program("riscv64")
