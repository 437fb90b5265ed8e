"""An embedded object store that the tests share, as long as they only look at it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pumphouse.launcher.object_server import ObjectServer, object_server
from tests.integration.launcher.one_object import SECRET, put


@pytest.fixture
def folder() -> Iterator[Path]:
    """Is not there yet, and lies below one that only we may enter."""
    with tempfile.TemporaryDirectory(prefix="pumphouse-test-") as private:
        yield Path(private, "objects")


@pytest.fixture(scope="package")
def running() -> Iterator[tuple[ObjectServer, Path]]:
    """A server on ports of loopback with one object, and its folder."""
    with (
        tempfile.TemporaryDirectory(prefix="pumphouse-test-") as folder,
        object_server(Path(folder), SECRET, port=0) as server,
    ):
        server.wait_until_ready()
        put(server)
        yield server, Path(folder)
