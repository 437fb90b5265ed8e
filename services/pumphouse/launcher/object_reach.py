"""How SeaweedFS is reached: by ports of loopback, or by one socket and by nothing else."""

import http.client
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from pumphouse.launcher.object_ports import (
    LOOPBACK,
    PORTS_OF_ITS_OWN,
    S3,
    free_ports,
    remove_sockets,
    write_ports,
)
from pumphouse.launcher.own_network import OwnNetwork, own_network

_ANSWER_S = 1.0
_LONGEST_SOCKET = 100
_SOCKET = "s3.sock"
_SIGNED_HOST = "localhost"


class Reach(Protocol):
    """The same address for as long as it is open, whatever ends and starts in between."""

    def prepare(self) -> tuple[str, ...]:
        """Make ready for a start, after any that went before; options for SeaweedFS."""

    def spawn(
        self, command: Sequence[str], *, pass_fds: Sequence[int], **surroundings: Any
    ) -> tuple[subprocess.Popen[bytes], int]:
        """Start it; the process that ends when it does, and its own process id."""

    def url(self, login: str, bucket: str) -> str:
        """As `storage` takes it. login: `KEY:SECRET`, percent-encoded."""

    def connection(self) -> http.client.HTTPConnection:
        """To S3, not connected yet."""

    def close(self) -> None:
        """Leave nothing that one which has ended cannot remove itself."""


class ByPorts:
    """Ports of loopback, chosen anew at each start but for that of S3.

    port: of S3, 0 for a free one.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self._file = folder / "ports.json"
        self._port = port

    def prepare(self) -> tuple[str, ...]:
        remove_sockets(self._file)
        ports = free_ports(self._port)
        write_ports(self._file, ports)
        self._port = ports[S3]
        return (*_options(ports), f"-s3.localSocket={_SOCKET}")

    def spawn(
        self, command: Sequence[str], **surroundings: Any
    ) -> tuple[subprocess.Popen[bytes], int]:
        process: subprocess.Popen[bytes] = subprocess.Popen(command, **surroundings)  # noqa: S603
        return process, process.pid

    def url(self, login: str, bucket: str) -> str:
        return f"http://{login}@{LOOPBACK}:{self._port}/{bucket}"

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(LOOPBACK, self._port, timeout=_ANSWER_S)

    def close(self) -> None:
        remove_sockets(self._file)


class BySocket:
    """A network of its own, out of which leads one socket in a folder that only we may enter.

    Raises NotSupported where there is no such network.
    """

    def __init__(self, folder: Path, settings: Path, program: Path) -> None:
        self._former_ports = folder / "ports.json"
        self._temporary = folder / "tmp"
        self._temporary.mkdir(mode=0o700, exist_ok=True)
        self._network: OwnNetwork = own_network(self._temporary, (folder, program))
        self._made: Path | None = None
        self._socket = settings / _SOCKET
        if len(os.fsencode(self._socket)) > _LONGEST_SOCKET:
            self._made = Path(tempfile.mkdtemp(prefix="pumphouse-", dir="/tmp"))
            self._socket = self._made / _SOCKET
            self._network = OwnNetwork(
                self._network.bubblewrap, self._temporary, (folder, program, self._made)
            )

    def prepare(self) -> tuple[str, ...]:
        remove_sockets(self._former_ports)
        self._socket.unlink(missing_ok=True)
        shutil.rmtree(self._temporary)
        self._temporary.mkdir(mode=0o700)
        return (*_options(PORTS_OF_ITS_OWN), f"-s3.localSocket={self._socket}")

    def spawn(
        self, command: Sequence[str], *, pass_fds: Sequence[int], **surroundings: Any
    ) -> tuple[subprocess.Popen[bytes], int]:
        return self._network.spawn(command, pass_fds=pass_fds, **surroundings)

    def url(self, login: str, bucket: str) -> str:
        return f"http://{login}@{_SIGNED_HOST}/{bucket}?socket={quote(str(self._socket))}"

    def connection(self) -> http.client.HTTPConnection:
        return _ConnectionBySocket(self._socket)

    def close(self) -> None:
        if self._made is not None:
            shutil.rmtree(self._made, ignore_errors=True)
        shutil.rmtree(self._temporary, ignore_errors=True)


class _ConnectionBySocket(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__(_SIGNED_HOST, timeout=_ANSWER_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _options(ports: dict[str, int]) -> tuple[str, ...]:
    return tuple(f"-{name}={port}" for name, port in ports.items())
