"""An embedded Postgres in a folder of its own, which lives exactly as long as this process."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pumphouse.errors import Unavailable
from pumphouse.launcher.folder_lock import sole_owner
from pumphouse.launcher.lifeline import die_with_parent, watch
from pumphouse.launcher.postgres_binaries import account, programs

_USER = "pumphouse"
_DATABASE = "postgres"
_PORT = 5432
_LONGEST_SOCKET_FOLDER = 80
_FAST_SHUTDOWN = signal.SIGINT
_IMMEDIATE_SHUTDOWN = signal.SIGQUIT
_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "max_wal_size": "256MB",
    "io_method": "sync",
    "jit": "off",
    "log_checkpoints": "off",
}


class PostgresServer:
    """One Postgres server in `<folder>/data`, reached by a Unix socket with a password.

    As root, the server and the files in `<folder>/data` belong to an unprivileged user; `folder`
    itself may lie where that user cannot reach it.
    """

    def __init__(self, folder: Path, password: str, *, inherited_lock: int) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._log = folder / "postgres.log"
        self._log_starts_at = 0
        self._password = password
        self._inherited_lock = inherited_lock
        self._account = account()
        self._programs = programs(self._account)
        self._sockets = self._socket_folder()
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Names a user that may do everything, so also create databases."""
        login = f"{_USER}:{quote(self._password, safe='')}"
        place = quote(str(self._sockets), safe="/")
        return f"postgresql://{login}@/{_DATABASE}?host={place}&port={_PORT}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def create(self) -> None:
        """Make the database files, unless they are there. Raises Unavailable."""
        if self._data.exists():
            return
        fresh = self._folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        self._give(fresh)
        with tempfile.NamedTemporaryFile("w", prefix="pumphouse-") as password_file:
            password_file.write(self._password + "\n")
            password_file.flush()
            self._give(Path(password_file.name))
            done = subprocess.run(  # noqa: S603 (our own program)
                [
                    *(self._programs / "initdb", "-D", self._place(fresh), "-U", _USER),
                    *("-E", "UTF8", "--locale=C.UTF-8", "-A", "scram-sha-256"),
                    *(f"--pwfile={password_file.name}", "--no-instructions"),
                ],
                capture_output=True,
                check=False,
                **self._surroundings(fresh),
            )
        if done.returncode:
            said = (done.stderr or done.stdout).decode(errors="replace").strip()
            raise Unavailable(f"Postgres could not make its files in {fresh}: {said}")
        fresh.rename(self._data)

    def start(self) -> None:
        """Start the server, which takes connections some moments later."""
        settings = [part for item in _SETTINGS.items() for part in ("-c", "=".join(item))]
        sockets = self._place(self._data) if self._sockets == self._data else str(self._sockets)
        with self._log.open("ab") as log:
            self._log_starts_at = log.tell()
            self._process = subprocess.Popen(  # noqa: S603 (our own program)
                [
                    *(self._programs / "postgres", "-D", self._place(self._data)),
                    *("-k", sockets, "-p", str(_PORT), *settings),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(self._inherited_lock,),
                preexec_fn=die_with_parent(_FAST_SHUTDOWN),
                **self._surroundings(self._data),
            )
        if sys.platform != "linux":
            self._watchdog = watch(self._process.pid, _FAST_SHUTDOWN)

    def wait_until_ready(self, patience_s: float = 60) -> None:
        """Return when the server takes connections. Raises Unavailable."""
        deadline = time.monotonic() + patience_s
        while not self._is_ready():
            if not self.is_running or time.monotonic() > deadline:
                with self._log.open("rb") as log:
                    log.seek(self._log_starts_at)
                    said = log.read().decode(errors="replace").strip()
                raise Unavailable(f"Postgres did not start in {self._data}: {said}")
            time.sleep(0.005)

    def stop(self, patience_s: float = 10) -> None:
        """End every connection and the server; what was committed is on the disk."""
        if self._process is not None:
            self._end(self._process, patience_s)
            self._process = None
        if self._watchdog is not None:
            self._watchdog.kill()
            self._watchdog.communicate()
            self._watchdog = None
        if self._sockets != self._data:
            shutil.rmtree(self._sockets, ignore_errors=True)

    def _end(self, process: subprocess.Popen[bytes], patience_s: float) -> None:
        for last_signal in (_FAST_SHUTDOWN, _IMMEDIATE_SHUTDOWN, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(last_signal)
            try:
                process.wait(patience_s)
            except subprocess.TimeoutExpired:
                continue
            return

    def _is_ready(self) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        is_ours = bool(lines) and lines[0] == str(self.pid)
        return is_ours and len(lines) > 7 and lines[7].strip() == "ready"

    def _socket_folder(self) -> Path:
        if len(os.fsencode(self._data)) <= _LONGEST_SOCKET_FOLDER:
            return self._data
        folder = Path(tempfile.mkdtemp(prefix="pumphouse-", dir="/tmp"))
        self._give(folder)
        return folder

    def _give(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, self._account.uid, self._account.gid)

    def _place(self, data: Path) -> str:
        """How the server is told where `data` is, which it may not reach by its path.

        Popen enters the folder before it drops root, and this name leads there from then on.
        """
        needs_no_path = self._account is not None and sys.platform == "linux"
        return "/proc/self/cwd" if needs_no_path else str(data)

    def _surroundings(self, data: Path) -> dict[str, Any]:
        ours = {name: text for name, text in os.environ.items() if not name.startswith("PG")}
        surroundings: dict[str, Any] = {
            "cwd": data,
            "env": ours | {"LC_ALL": "C.UTF-8", "TZ": "UTC"},
        }
        if self._account is not None:
            as_account = {"user": self._account.uid, "group": self._account.gid}
            surroundings |= as_account | {"extra_groups": []}
        return surroundings


@contextmanager
def postgres_server(
    folder: Path, password: str, *, patience_s: float = 10
) -> Iterator[PostgresServer]:
    """Run Postgres on the files below `folder`, which are made when they are not there.

    patience_s: how long a server that is going down there is waited for.

    Call it from the main thread: on Linux the server ends with the thread that started it.
    Raises Conflict when another server runs on this folder, and Unavailable.
    """
    folder = folder.resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    in_use = f"The folder {folder} is in use: a Postgres server runs on it. Stop that one first."
    with ExitStack() as stack:
        # The server inherits the lock, so it holds it even when it has outlived its supervisor.
        lock = stack.enter_context(
            sole_owner(folder / "lock", in_use=in_use, patience_s=patience_s)
        )
        server = PostgresServer(folder, password, inherited_lock=lock)
        stack.callback(server.stop)
        server.create()
        server.start()
        server.wait_until_ready()
        yield server
