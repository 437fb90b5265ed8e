"""Processes of the platform under test, and waiting for what they do."""

import itertools
import os
import random
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psutil

T = TypeVar("T")

_MARK = "PUMPHOUSE_TEST_MARK"


_WORKERS = 16


def _ports_of_this_worker() -> list[int]:
    """No other worker of pytest-xdist has them; systems give higher ones to connections, and the
    embedded object store takes higher ones too."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    ports = list(range(4_000 + worker % _WORKERS, 10_000, _WORKERS))
    random.SystemRandom().shuffle(ports)
    return ports


_PORTS = itertools.cycle(_ports_of_this_worker())


def free_port() -> int:
    """A port that nobody listens on, and that nobody else is given while the tests run."""
    while True:
        port = next(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port))
            return port


def eventually(what: Callable[[], T | None], *, within_s: float = 30) -> T:
    """The first answer of `what` that is true. Fails when there is none in time."""
    give_up_at = time.monotonic() + within_s
    while not (answer := what()):
        assert time.monotonic() < give_up_at, f"nothing came of {what} within {within_s} s"
        time.sleep(0.02)
    return answer


def named_below(pid: int, name: str) -> list[psutil.Process]:
    """The processes of that name below another one. Others come and go there meanwhile."""
    found = []
    for process in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.Error, FileNotFoundError):
            if process.name() == name:
                found.append(process)
    return found


def clean_environment(**more: str) -> dict[str, str]:
    """Our environment without settings of the platform."""
    ours = {name: text for name, text in os.environ.items() if not name.startswith("PUMPHOUSE_")}
    return ours | more


@dataclass
class OwnProcess:
    """A process of the platform, what it logs, and everything that it has started."""

    command: Sequence[str]
    log_file: Path
    environment: Mapping[str, str] = field(default_factory=clean_environment)
    uid: int | None = None
    _process: subprocess.Popen[bytes] | None = None
    _mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    _seen: list[psutil.Process] = field(default_factory=list)

    def spawn(self) -> None:
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                env={**self.environment, _MARK: self._mark},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                user=self.uid,
                group=self.uid,
                extra_groups=None if self.uid is None else [],
            )

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not started"
        return self._process

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def signal(self, number: signal.Signals) -> None:
        if self.process.poll() is None:
            self._seen = psutil.Process(self.process.pid).children(recursive=True)
            self.process.send_signal(number)

    def wait(self, within_s: float = 90) -> int:
        """The exit code, once nothing that the process had started is left."""
        try:
            code = self.process.wait(within_s)
            eventually(lambda: not self.left_behind())
        except (subprocess.TimeoutExpired, AssertionError) as error:
            left = self.left_behind()
            self._end_all(left)
            raise AssertionError(f"{self.command} left {left}:\n{self.log[-4000:]}") from error
        return code

    def stop(self) -> None:
        """Stop in order, and see that it was."""
        if self._process is None:
            return
        self.signal(signal.SIGTERM)
        code = self.wait()
        assert code == 0, f"{self.command} ended with {code}:\n{self.log[-4000:]}"

    def kill(self) -> None:
        """kill -9."""
        self.signal(signal.SIGKILL)
        self.wait()

    def left_behind(self) -> list[psutil.Process]:
        """What is still running of all that the process has started."""
        marked = [other for other in psutil.process_iter() if _mark_of(other) == self._mark]
        return [p for p in {*marked, *self._seen} if not is_dead(p)]

    def kill_what_is_left(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def _end_all(self, processes: list[psutil.Process]) -> None:
        for left in [*processes, psutil.Process(self.process.pid)]:
            if left.is_running():
                left.kill()
        self.process.wait()


def _mark_of(process: psutil.Process) -> str | None:
    with suppress(psutil.Error):
        return process.environ().get(_MARK)
    return None


def is_dead(process: psutil.Process) -> bool:
    """Whether nothing of the process runs; nobody may have asked for its exit code yet."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
