"""The embedded object store in a network of its own, as root and as an ordinary user."""

import json
import logging
import os
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from pumphouse.launcher.object_ports import LOOPBACK, PORTS_OF_ITS_OWN
from pumphouse.launcher.object_server import ObjectServer, object_server
from pumphouse.storage import PART_BYTES, open_storage
from tests.integration.launcher.one_object import CONTENT, SECRET, got, put
from tests.networks import listened_ports, listens_where_we_are, needs_own_network
from tests.ordinary_user import only_as_root, ordinary_user
from tests.stack import eventually, is_dead

pytestmark = needs_own_network

LARGE = b"0123456789abcdef" * (PART_BYTES // 8)

SUPERVISOR = """
import json, sys, time
from pathlib import Path
from pumphouse.launcher.object_server import object_server
with object_server(Path(sys.argv[1]), "secret") as server:
    server.wait_until_ready()
    print(json.dumps([server.pid, server.url_of("data")]), flush=True)
    time.sleep(600)
"""


@dataclass
class Supervised:
    supervisor: subprocess.Popen[str]
    store: psutil.Process
    url: str


@contextmanager
def supervised(
    folder: Path,
    interpreter: str = sys.executable,
    environment: Mapping[str, str] | None = None,
    uid: int | None = None,
) -> Iterator[Supervised]:
    """A store below another process, which is killed at the end."""
    with subprocess.Popen(
        [interpreter, "-c", SUPERVISOR, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        env=environment,
        user=uid,
        group=uid,
    ) as supervisor:
        assert supervisor.stdout is not None
        try:
            pid, url = json.loads(supervisor.stdout.readline())
            yield Supervised(supervisor, psutil.Process(pid), url)
        finally:
            supervisor.kill()


@pytest.fixture(scope="module")
def by_socket() -> Iterator[tuple[ObjectServer, Path]]:
    """A server with one object, and its folder."""
    with (
        tempfile.TemporaryDirectory(prefix="pumphouse-test-") as folder,
        object_server(Path(folder), SECRET) as server,
    ):
        server.wait_until_ready()
        put(server)
        yield server, Path(folder)


def common_sockets() -> set[Path]:
    """In the `/tmp` of all: those of the ports of its own. Other servers may come and go there."""
    return {
        path
        for port in PORTS_OF_ITS_OWN.values()
        for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock")
    }


def test_none_of_its_ports_is_in_our_network(by_socket: tuple[ObjectServer, Path]) -> None:
    process = psutil.Process(by_socket[0].pid)
    assert process.name() == "weed"
    assert not listens_where_we_are(process)
    eventually(lambda: listened_ports(process) >= {*PORTS_OF_ITS_OWN.values()})
    for port in {*PORTS_OF_ITS_OWN.values()} - listened_ports(psutil.Process()):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((LOOPBACK, port), 5)


def test_its_sockets_are_in_folders_that_only_we_may_enter(
    by_socket: tuple[ObjectServer, Path], folder: Path
) -> None:
    server, of_server = by_socket
    found = [path for path in of_server.rglob("*") if stat.S_ISSOCK(path.lstat().st_mode)]
    assert {path.name for path in found} >= {"s3.sock", "filer.sock"}
    for path in found:
        inner = path.relative_to(of_server).parts[0]
        assert (of_server / inner).stat().st_mode & 0o077 == 0, path
    assert str(of_server / "settings" / "s3.sock") in server.url
    before = common_sockets()
    with object_server(folder, SECRET) as another:
        another.wait_until_ready()
        assert common_sockets() <= before


async def test_all_that_is_done_with_a_bucket_works_through_it(
    by_socket: tuple[ObjectServer, Path], tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(LARGE * 3)

    async def stream() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield LARGE

    async with open_storage(by_socket[0].url_of("data")) as storage:
        bucket = storage.data
        await bucket.put("a/small é", CONTENT)
        assert await bucket.put_stream("a/stream", stream()) == len(LARGE) * 3
        await bucket.put_file("a/file", tmp_path / "large", len(LARGE) * 3)
        upload = await bucket.begin_upload("a/never")
        assert await bucket.uploaded_parts("a/never", upload) == ()
        await bucket.abort_upload("a/never", upload)

        assert await bucket.get("a/small é") == CONTENT
        assert await bucket.get_file("a/stream", tmp_path / "back") == len(LARGE) * 3
        assert (tmp_path / "back").read_bytes() == LARGE * 3
        assert (await bucket.info("a/file")).size == len(LARGE) * 3
        listed = [found.key async for page in bucket.pages("a/", 2) for found in page]
        assert listed == ["a/file", "a/small é", "a/stream"]
        assert await bucket.delete_below("a/") == 3


def test_it_starts_after_it_was_killed_itself_with_the_same_address(folder: Path) -> None:
    with object_server(folder, SECRET) as server:
        server.wait_until_ready()
        url, process = server.url, psutil.Process(server.pid)
        put(server)
        process.kill()
        eventually(lambda: not server.is_running)
        server.start()
        server.wait_until_ready()
        assert (server.url, server.pid) != (url, process.pid)
        assert server.url == url
        assert got(server) == CONTENT


def test_one_that_loses_its_way_out_of_the_network_ends_with_it(folder: Path) -> None:
    with object_server(folder, SECRET) as server:
        server.wait_until_ready()
        store = psutil.Process(server.pid)
        enclosing = store.parent()
        assert enclosing is not None
        assert enclosing.name() == "bwrap"
        enclosing.kill()
        eventually(lambda: is_dead(store) and not server.is_running)


def test_a_path_too_long_for_a_socket_needs_a_folder_elsewhere(folder: Path) -> None:
    with object_server(folder / ("long" * 40), SECRET) as server:
        server.wait_until_ready()
        path = Path(server.url.partition("?socket=")[2])
        assert path.parent.stat().st_mode & 0o077 == 0
        put(server)
        assert got(server) == CONTENT
    assert not path.parent.exists()


def test_it_stops_in_order(folder: Path) -> None:
    with object_server(folder, SECRET) as server:
        server.wait_until_ready()
        process = psutil.Process(server.pid)
        enclosing = process.parent()
    assert enclosing is not None
    assert is_dead(process)
    assert is_dead(enclosing)
    assert not (folder / "tmp").exists()
    assert "interrupt" not in (folder / "seaweedfs.log").read_text()


def test_nothing_is_left_of_it_when_its_supervisor_is_killed(folder: Path) -> None:
    with supervised(folder) as running:
        processes = [running.store, running.store.parent()]
        running.supervisor.kill()
        running.supervisor.wait()
        eventually(lambda: all(is_dead(process) for process in processes if process))
    with object_server(folder, "secret") as server:
        server.wait_until_ready()


@only_as_root
def test_an_ordinary_user_has_all_of_that(folder: Path) -> None:
    folder.parent.chmod(0o755)
    user = ordinary_user(folder.parent)
    with supervised(user.home / "objects", user.interpreter, user.environment, user.uid) as running:
        assert running.store.uids().real == user.uid
        assert not listens_where_we_are(running.store)
        path = Path(running.url.partition("?socket=")[2])
        assert path.parent.stat().st_mode & 0o077 == 0
        assert path.stat().st_uid == user.uid
        enclosing = running.store.parent()
        running.supervisor.kill()
        running.supervisor.wait()
        eventually(lambda: is_dead(running.store))
        assert enclosing is not None
        eventually(lambda: is_dead(enclosing))


@pytest.mark.parametrize("has_bubblewrap", [True, False])
def test_where_no_network_is_to_be_had_it_says_so_and_takes_ports(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    has_bubblewrap: bool,
) -> None:
    if has_bubblewrap:
        refusing = tmp_path / "bwrap"
        refusing.write_text("#!/bin/sh\necho no namespace for you >&2; exit 1\n")
        refusing.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path) + (os.pathsep + "/bin" if has_bubblewrap else ""))
    with caplog.at_level(logging.WARNING), object_server(folder, SECRET) as server:
        server.wait_until_ready()
        put(server)
        assert got(server) == CONTENT
        assert listens_where_we_are(psutil.Process(server.pid))
        assert f"@{LOOPBACK}:" in server.url
    reason = "no namespace for you" if has_bubblewrap else "not installed"
    said = [record.getMessage() for record in caplog.records]
    assert [reason in text for text in said] == [True]
