"""A private RabbitMQ node from Debian's package: own ports, folders, cookie and name server."""

import os
import secrets
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from tests.processes import free_port

_BIN = Path("/usr/lib/rabbitmq/bin")
NODE_PROGRAM = _BIN / "rabbitmq-server"

_START_TIMEOUT_S = 100.0
_STOP_TIMEOUT_S = 60.0

_CONFIGURATION = """\
listeners.tcp.1 = 127.0.0.1:{port}
num_acceptors.tcp = 2
log.file.level = warning
log.console = false
total_memory_available_override_value = 2GB
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 50MB
"""

_DIES_WITH_PARENT = ("setpriv", "--pdeathsig", "TERM")


class RabbitNode:
    """One node with its data in `folder`, which survives stop and kill.

    It listens on loopback ports only, and dies with the process that started it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cookie = secrets.token_hex(20)
        # Children die with the thread that started them, and callers' threads come and go.
        self._starting = ThreadPoolExecutor(1)
        self._node: subprocess.Popen[bytes] | None = None
        self._name_server: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    @property
    def is_running(self) -> bool:
        return self._node is not None and self._node.poll() is None

    def start(self) -> None:
        """Start, for the first time or again on the same port, and wait until it answers."""
        if self.port == 0:
            self._prepare()
        with (self._folder / "console.log").open("ab") as output:
            self._node = self._spawn(str(NODE_PROGRAM), output=output)
        self._wait_until_it_answers()

    def stop(self) -> None:
        """Shut down in order."""
        if self._node is not None:
            self._node.terminate()
            self._node.wait(_STOP_TIMEOUT_S)
            self._node = None

    def kill(self) -> None:
        """kill -9, as a crash of the machine would."""
        if self._node is not None:
            os.killpg(self._node.pid, signal.SIGKILL)
            self._node.wait(_STOP_TIMEOUT_S)
            self._node = None

    def sync(self) -> None:
        """Write to disk what the node would write within seconds: which queues there are, too.

        RabbitMQ 3.10 cannot recover a quorum queue that it has not written when it is killed.
        """
        self.control("eval", "mnesia:sync_log(), lists:foreach(fun dets:sync/1, dets:all()), ok.")

    def remove(self) -> None:
        """Stop whatever runs; nothing is left behind but the folder."""
        try:
            self.kill()
        finally:
            if self._name_server is not None:
                self._name_server.terminate()
                self._name_server.wait(_STOP_TIMEOUT_S)
            self._starting.shutdown()

    def control(self, *arguments: str) -> str:
        """Run rabbitmqctl on this node and return what it prints."""
        command = (str(_BIN / "rabbitmqctl"), "--quiet", *arguments)
        return subprocess.run(
            command,
            env=self._environment,
            cwd=self._folder,
            check=True,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        ).stdout

    def _prepare(self) -> None:
        self.port, distribution_port, name_server_port = (free_port() for _ in range(3))
        home = self._folder / "home"
        home.mkdir()
        cookie = home / ".erlang.cookie"
        cookie.write_text(self._cookie)
        cookie.chmod(0o400)
        (self._folder / "enabled_plugins").write_text("[].\n")
        (self._folder / "rabbitmq.conf").write_text(_CONFIGURATION.format(port=self.port))
        self._environment = self._environment_for(distribution_port, name_server_port)
        # Without one of ours the node would start a daemon that outlives it.
        self._name_server = self._spawn(
            "epmd", "-port", str(name_server_port), "-address", "127.0.0.1"
        )

    def _spawn(self, *command: str, output: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
        return self._starting.submit(
            subprocess.Popen,
            (*_DIES_WITH_PARENT, *command),
            env=self._environment,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        ).result()

    def _environment_for(self, distribution_port: int, name_server_port: int) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("RABBITMQ_", "ERL_"))}
        paths = {
            "BASE": ".",
            "MNESIA_BASE": "mnesia",
            "MNESIA_DIR": "mnesia/node",
            "LOG_BASE": "log",
            "CONFIG_FILE": "rabbitmq.conf",
            "ADVANCED_CONFIG_FILE": "advanced.config",
            "CONF_ENV_FILE": "none.conf",
            "ENABLED_PLUGINS_FILE": "enabled_plugins",
            "PID_FILE": "node.pid",
            "GENERATED_CONFIG_DIR": "generated",
            "FEATURE_FLAGS_FILE": "feature_flags",
        }
        return (
            inherited
            | {f"RABBITMQ_{name}": str(self._folder / path) for name, path in paths.items()}
            | {
                "HOME": str(self._folder / "home"),
                "LANG": "C.UTF-8",
                "RABBITMQ_NODENAME": "pumphouse@localhost",
                "RABBITMQ_NODE_PORT": str(self.port),
                "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
                "RABBITMQ_DIST_PORT": str(distribution_port),
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                    "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +SDcpu 1:1 +A 4"
                ),
                "ERL_EPMD_PORT": str(name_server_port),
                "ERL_EPMD_ADDRESS": "127.0.0.1",
                "ERL_CRASH_DUMP_SECONDS": "0",
            }
        )

    def _wait_until_it_answers(self) -> None:
        assert self._node is not None
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not _speaks_amqp(self.port):
            if self._node.poll() is not None or time.monotonic() > deadline:
                log = (self._folder / "console.log").read_text(errors="replace")
                raise RuntimeError(f"The RabbitMQ node did not start:\n{log[-2000:]}")
            time.sleep(0.05)


def _speaks_amqp(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            connection.settimeout(5)
            return connection.recv(1) == b"\x01"
    except OSError:
        return False
