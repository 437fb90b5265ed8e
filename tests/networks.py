"""Which network a process listens in, and whether this system gives one of its own."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from pumphouse.errors import NotSupported
from pumphouse.launcher.own_network import own_network

_LISTENING = "0A"


def listened_ports(process: psutil.Process) -> set[int]:
    """TCP ports that anybody listens on in the network of the process."""
    return {port for port, _ in _listening(process.pid)}


def listens_where_we_are(process: psutil.Process) -> bool:
    """Whether any listening TCP socket of our network belongs to the process."""
    held = set()
    for link in Path("/proc", str(process.pid), "fd").iterdir():
        with suppress(FileNotFoundError):
            held.add(os.readlink(link))
    return any(f"socket:[{inode}]" in held for _, inode in _listening(os.getpid()))


def _listening(pid: int) -> list[tuple[int, str]]:
    """Port and inode, as proc(5) has them."""
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path("/proc", str(pid), "net", table).read_text().splitlines()[1:]
    ]
    return [(int(row[1].rpartition(":")[2], 16), row[9]) for row in rows if row[3] == _LISTENING]


def _has_own_network() -> bool:
    with tempfile.TemporaryDirectory() as folder, suppress(NotSupported):
        own_network(Path(folder), ())
        return True
    return False


HAS_OWN_NETWORK = _has_own_network()
needs_own_network = pytest.mark.skipif(not HAS_OWN_NETWORK, reason="this system gives no network")
