"""A real object store for the tests: a given one, else one in Docker, else an embedded one."""

import os
import secrets
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import psutil
from minio import Minio
from minio.deleteobjects import DeleteObject
from minio.error import S3Error

from pumphouse.launcher.object_server import ObjectServer, object_server
from tests.compose_file import image_of
from tests.servers.docker import docker_answers
from tests.servers.socket_client import SocketClient

_GIVEN = "PUMPHOUSE_TEST_S3_URL"
_MINIO_PORT = 9000
_REGION = "us-east-1"


@contextmanager
def object_store() -> Iterator[str]:
    """URL of a server, `http://KEY:SECRET@host:port/`, as a user that may make buckets.

    Each caller gets a server of its own, unless PUMPHOUSE_TEST_S3_URL names one; then everybody
    shares it, which `fresh_store` makes safe.
    """
    if _GIVEN in os.environ:
        yield os.environ[_GIVEN]
    elif docker_answers():
        with _in_docker() as url:
            yield url
    else:
        with own_object_store() as store:
            yield store.url


@contextmanager
def fresh_store(url: str) -> Iterator[str]:
    """URL of new, empty buckets on the server at `url`; they are removed afterwards."""
    bucket = f"test-{uuid.uuid4().hex}"
    try:
        yield urlsplit(url)._replace(path=f"/{bucket}").geturl()
    finally:
        client = client_of(url)
        for name in (bucket, f"{bucket}-platform"):
            _remove(client, name)


class OwnStore:
    """An embedded store that the test may kill, and start again on the same port and files."""

    def __init__(self, server: ObjectServer) -> None:
        self._server = server
        self.url = server.url

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(self._server.pid)

    @property
    def is_running(self) -> bool:
        return self._server.is_running

    def kill(self) -> None:
        """kill -9, as a crash would; returns when it is dead."""
        self.process.kill()
        while self.is_running:
            time.sleep(0.01)

    def start(self) -> None:
        """Start it again after a kill, and return when it takes requests."""
        self._server.start()
        self._server.wait_until_ready()


@contextmanager
def own_object_store() -> Iterator[OwnStore]:
    """A running embedded store that nobody else uses; nothing is left of it afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="pumphouse-store-") as folder,
        object_server(Path(folder), secrets.token_urlsafe(12), port=0) as server,
    ):
        server.wait_until_ready()
        store = OwnStore(server)
        try:
            yield store
        finally:
            if store.is_running:  # in order it would take seconds, to keep what is thrown away
                store.kill()


def client_of(url: str) -> Minio:
    """A client of the store at `url`, whatever bucket that names."""
    parts = urlsplit(url)
    path = parse_qs(parts.query).get("socket", [None])[0]
    return Minio(
        parts.netloc.rpartition("@")[2],
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        secure=parts.scheme == "https",
        region=_REGION,
        http_client=None if path is None else SocketClient(path),
    )


def _remove(client: Minio, bucket: str) -> None:
    if not client.bucket_exists(bucket):
        return
    names = [str(item.object_name) for item in client.list_objects(bucket, recursive=True)]
    refused = list(client.remove_objects(bucket, [DeleteObject(name) for name in names]))
    assert not refused, refused
    for upload in client._list_multipart_uploads(bucket).uploads:
        # The client takes names for encoded that are not, and then knows no such upload.
        with suppress(S3Error):
            client._abort_multipart_upload(bucket, str(upload.object_name), str(upload.upload_id))
    client.remove_bucket(bucket)


@contextmanager
def _in_docker() -> Iterator[str]:
    from testcontainers.community.minio import MinioContainer

    key, secret = "pumphouse", secrets.token_urlsafe(12)
    server = MinioContainer(image_of("minio"), _MINIO_PORT, key, secret)
    # What the class gives are the names of MinIO's first years.
    server.with_env("MINIO_ROOT_USER", key).with_env("MINIO_ROOT_PASSWORD", secret)
    with server as container:
        address = f"{container.get_container_host_ip()}:{container.get_exposed_port(_MINIO_PORT)}"
        yield f"http://{key}:{secret}@{address}/"
