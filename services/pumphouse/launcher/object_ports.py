"""The ports of SeaweedFS, all of them on loopback, and the sockets that it derives from them."""

import contextlib
import json
import random
import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"
S3 = "s3.port"

_SECOND = 10_000
"""What SeaweedFS adds to a port of its admin part for the other one; it cannot be told another."""

_LOWEST, _HIGHEST = 10_000, 32_767
"""Below the ports that systems give to outgoing connections."""

_NAMES = (
    *("master.port", "volume.port", "filer.port"),
    *("master.port.grpc", "volume.port.grpc", "filer.port.grpc", "s3.port.grpc"),
)


PORTS_OF_ITS_OWN = {"admin.port": 20_000, "admin.port.grpc": 20_000 + _SECOND} | {
    name: 20_001 + number for number, name in enumerate((S3, *_NAMES))
}
"""As `free_ports` gives them, for a network where nobody else listens."""


def free_ports(s3_port: int) -> dict[str, int]:
    """A port for every part, by the name of its option. s3_port: 0 for a free one.

    They are free now; one can be taken until SeaweedFS listens on it.
    """
    chosen: dict[str, int] = {}
    while not chosen:
        port = random.randint(_LOWEST, _HIGHEST - _SECOND)  # noqa: S311 (no secret)
        if _is_free(port) and _is_free(port + _SECOND):
            chosen = {"admin.port": port, "admin.port.grpc": port + _SECOND}
    for name in (S3, *_NAMES):
        chosen[name] = s3_port if name == S3 and s3_port else _free_port({*chosen.values()})
    return chosen


def write_ports(file: Path, ports: dict[str, int]) -> None:
    """Keep `ports` in `file`, for `remove_sockets`."""
    file.write_text(json.dumps(ports))


def remove_sockets(file: Path) -> None:
    """Remove what SeaweedFS has left in `/tmp` when it ran on the ports in `file`, if any."""
    try:
        ports: dict[str, int] = json.loads(file.read_bytes())
    except (FileNotFoundError, ValueError):
        return
    for name, port in ports.items():
        left = Path(f"/tmp/seaweedfs-{name.partition('.')[0]}-grpc-{port}.sock")  # noqa: S108
        if name.endswith(".grpc") and not _answers(left):
            with contextlib.suppress(OSError):
                left.unlink()
    file.unlink()


def _answers(path: Path) -> bool:
    """Whether another one has the same port now, and so the same name for its socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _free_port(taken: set[int]) -> int:
    while True:
        port = random.randint(_LOWEST, _HIGHEST)  # noqa: S311 (no secret)
        if port not in taken and _is_free(port):
            return port


def _is_free(port: int) -> bool:
    """Whether nobody listens on `port`, on any address, as SeaweedFS wants it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
