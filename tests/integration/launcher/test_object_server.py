"""The embedded object store under its own supervisor, on ports of loopback."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

from pumphouse.errors import Conflict, Unavailable
from pumphouse.launcher import object_reach
from pumphouse.launcher.object_ports import LOOPBACK, free_ports
from pumphouse.launcher.object_server import ObjectServer, object_server
from tests.integration.launcher.one_object import CONTENT, SECRET, got, ports, put
from tests.servers.object_store import client_of
from tests.stack import eventually, free_port, is_dead

LARGE = b"0123456789abcdef" * 2**20

SUPERVISOR = """
import sys, time
from pathlib import Path
from pumphouse.launcher.object_server import object_server
with object_server(Path(sys.argv[1]), "secret", port=0) as server:
    server.wait_until_ready()
    print(server.pid, flush=True)
    time.sleep(600)
"""


def listening(process: psutil.Process) -> set[tuple[str, int]]:
    connections = process.net_connections("inet")
    return {(c.laddr.ip, c.laddr.port) for c in connections if c.status == psutil.CONN_LISTEN}


def sockets(of: dict[str, int]) -> list[Path]:
    """Those in `/tmp` that the server has made for its ports `of`."""
    found = [Path("/tmp").glob(f"seaweedfs-*-{port}.sock") for port in of.values()]
    return [socket for each in found for socket in each]


def test_it_keeps_what_was_stored_on_whatever_ports_it_starts(folder: Path) -> None:
    with object_server(folder, SECRET, port=0) as server:
        server.wait_until_ready()
        put(server)
        put(server, "large", LARGE)
        before = ports(folder)
    for _ in range(2):
        with object_server(folder, "another secret", port=0) as server:
            server.wait_until_ready()
            assert ports(folder) != before
            assert got(server) == CONTENT
            assert got(server, "large") == LARGE
            put(server, "new")


def test_it_starts_after_it_was_killed_itself_with_the_same_address(folder: Path) -> None:
    with object_server(folder, SECRET, port=0) as server:
        server.wait_until_ready()
        url = server.url
        put(server, "large", LARGE)
        put(server)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        eventually(lambda: not server.is_running)
        server.start()
        server.wait_until_ready()
        assert server.url == url
        assert got(server) == CONTENT
        assert got(server, "large") == LARGE


def test_every_port_is_on_loopback_and_nobody_outside_is_called(
    running: tuple[ObjectServer, Path],
) -> None:
    server, folder = running
    process = psutil.Process(server.pid)
    eventually(lambda: {port for _, port in listening(process)} >= {*ports(folder).values()})
    assert listening(process) == {(LOOPBACK, port) for port in ports(folder).values()}
    called = {one.raddr.ip for one in process.net_connections("inet") if one.raddr}
    assert called <= {LOOPBACK}


def test_a_folder_whose_path_is_too_long_for_a_socket(folder: Path) -> None:
    with object_server(folder / ("long" * 40), SECRET, port=0) as server:
        server.wait_until_ready()
        put(server)
        assert got(server) == CONTENT


def test_a_second_one_on_the_same_folder_is_refused(running: tuple[ObjectServer, Path]) -> None:
    server, folder = running
    with (
        pytest.raises(Conflict, match=str(folder)),
        object_server(folder, SECRET, port=0, patience_s=0),
    ):
        pass
    assert got(server) == CONTENT


def test_many_run_side_by_side(running: tuple[ObjectServer, Path], folder: Path) -> None:
    first, _ = running
    with object_server(folder, SECRET, port=0) as second:
        second.wait_until_ready()
        assert client_of(second.url).list_buckets() == []
        assert got(first) == CONTENT


def test_a_signal_for_us_does_not_reach_it(running: tuple[ObjectServer, Path]) -> None:
    server, _ = running
    assert server.pid is not None
    assert os.getsid(server.pid) != os.getsid(0)


def test_it_has_the_port_that_it_is_given(folder: Path) -> None:
    port = free_port()
    with object_server(folder, SECRET, port=port) as server:
        server.wait_until_ready()
        assert server.url == f"http://pumphouse:{quote(SECRET, safe='')}@{LOOPBACK}:{port}/"


def test_a_given_port_that_is_taken_is_named(folder: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as other:
        port = other.getsockname()[1]
        with (
            object_server(folder, SECRET, port=port) as server,
            pytest.raises(Conflict, match=rf"port {port} .* taken.*--s3-port"),
        ):
            server.wait_until_ready()


def test_a_port_that_is_lost_before_it_listens_is_chosen_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server((LOOPBACK, 0)) as other:
        lost = {"filer.port": other.getsockname()[1]}
        losses = [lost, lost, {}]
        monkeypatch.setattr(object_reach, "free_ports", lambda s3: free_ports(s3) | losses.pop(0))
        with object_server(folder, SECRET, port=0) as server:
            server.wait_until_ready()
            put(server)
            assert got(server) == CONTENT
    assert losses == []


def test_it_stops_within_seconds_and_leaves_nothing(folder: Path) -> None:
    with object_server(folder, SECRET, port=0) as server:
        server.wait_until_ready()
        put(server)
        process = psutil.Process(server.pid)
        used = ports(folder)
        assert sockets(used)
    assert is_dead(process)
    assert sockets(used) == []


def test_it_does_not_outlive_its_supervisor_and_the_next_one_cleans_up(folder: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(folder)], stdout=subprocess.PIPE, text=True
    ) as supervisor:
        assert supervisor.stdout is not None
        process = psutil.Process(int(supervisor.stdout.readline()))
        used = ports(folder)
        supervisor.kill()
        supervisor.wait()
        eventually(lambda: is_dead(process))
    with object_server(folder, "secret", port=0) as server:
        server.wait_until_ready()
        assert not {*sockets(used)} - {*sockets(ports(folder))}


def test_broken_files_are_reported_with_what_it_said(folder: Path) -> None:
    folder.mkdir()
    (folder / "data").mkdir()
    (folder / "data" / "filerldb2").write_text("no folder")
    with (
        object_server(folder, SECRET, port=0) as server,
        pytest.raises(Unavailable, match=r"did not start in .*filerldb2"),
    ):
        server.wait_until_ready()
