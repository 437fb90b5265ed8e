"""A real RabbitMQ for the tests: a given one, else one in Docker, else a private node."""

import fcntl
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.compose_file import image_of
from tests.servers.docker import docker_answers
from tests.servers.rabbit_node import NODE_PROGRAM, RabbitNode

_GIVEN = "PUMPHOUSE_TEST_AMQP_URL"

_controls: dict[str, Callable[..., object]] = {}
"""What runs rabbitmqctl, by URL, for the brokers that were started here."""

_INSTALL = ("apt-get", "install", "-y", "--no-install-recommends", "rabbitmq-server")


@contextmanager
def rabbitmq() -> Iterator[str]:
    """AMQP URL of a broker, as a user that may declare everything.

    Each caller gets a broker of its own, unless PUMPHOUSE_TEST_AMQP_URL names one.
    """
    if _GIVEN in os.environ:
        yield os.environ[_GIVEN]
    elif docker_answers():
        with _in_docker() as url:
            yield url
    else:
        with rabbit_node() as node, _controlled(node.url, node.control):
            yield node.url


@contextmanager
def fresh_vhost(url: str) -> Iterator[str]:
    """URL of a new, empty virtual host on the broker at `url`; it is removed afterwards.

    On a broker that PUMPHOUSE_TEST_AMQP_URL names, nobody here may make one: it is `url` itself.
    """
    control = _controls.get(url)
    if control is None:
        yield url
        return
    name = f"test-{uuid.uuid4().hex}"
    control("add_vhost", name)
    try:
        control("set_permissions", "-p", name, urlsplit(url).username or "", ".*", ".*", ".*")
        yield urlsplit(url)._replace(path=f"/{name}").geturl()
    finally:
        control("delete_vhost", name)


@contextmanager
def rabbit_node() -> Iterator[RabbitNode]:
    """A running private node, which the test may kill and restart."""
    _require_package()
    with tempfile.TemporaryDirectory(prefix="pumphouse-rabbitmq-") as folder:
        node = RabbitNode(Path(folder))
        try:
            node.start()
            yield node
        finally:
            node.remove()


def _require_package() -> None:
    if NODE_PROGRAM.exists():
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise RuntimeError(
            "The tests need RabbitMQ. Install it with `sudo apt-get update && sudo "
            f"{' '.join(_INSTALL)}`, start Docker, or name a broker in {_GIVEN}."
        )
    with (Path(tempfile.gettempdir()) / "pumphouse-install-rabbitmq.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if NODE_PROGRAM.exists():
            return
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in (("apt-get", "update"), _INSTALL):
            subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)


@contextmanager
def _in_docker() -> Iterator[str]:
    from testcontainers.community.rabbitmq import RabbitMqContainer

    with RabbitMqContainer(image_of("rabbitmq")) as container:
        parameters = container.get_connection_params()
        url = (
            f"amqp://{container.username}:{container.password}@{parameters.host}:{parameters.port}/"
        )
        with _controlled(url, lambda *words: container.exec(["rabbitmqctl", *words])):
            yield url


@contextmanager
def _controlled(url: str, control: Callable[..., object]) -> Iterator[None]:
    _controls[url] = control
    try:
        yield
    finally:
        del _controls[url]
