import random
import socket
from pathlib import Path

import pytest

from pumphouse.launcher.object_ports import free_ports, remove_sockets, write_ports


def test_every_part_has_a_port_of_its_own() -> None:
    ports = free_ports(0)
    assert len({*ports.values()}) == len(ports) == 10
    assert ports["admin.port.grpc"] == ports["admin.port"] + 10_000


def test_a_given_port_is_that_of_s3() -> None:
    assert free_ports(1234)["s3.port"] == 1234


def test_a_port_that_somebody_has_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        offered = [taken, *range(20_000, 20_500)]
        monkeypatch.setattr(random, "randint", lambda *_: offered.pop(0))
        assert taken not in free_ports(0).values()
    assert taken not in offered


def test_only_sockets_that_nobody_listens_on_are_removed(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    ports = free_ports(0)
    write_ports(file, ports)
    left = Path(f"/tmp/seaweedfs-filer-grpc-{ports['filer.port.grpc']}.sock")
    of_another = Path(f"/tmp/seaweedfs-master-grpc-{ports['master.port.grpc']}.sock")
    try:
        with socket.socket(socket.AF_UNIX) as ended, socket.socket(socket.AF_UNIX) as other:
            ended.bind(str(left))
            other.bind(str(of_another))
            other.listen()
            remove_sockets(file)
        assert (left.exists(), of_another.exists(), file.exists()) == (False, True, False)
        remove_sockets(file)
    finally:
        left.unlink(missing_ok=True)
        of_another.unlink()


def test_a_broken_record_of_ports_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text("{")
    remove_sockets(tmp_path / "ports.json")
