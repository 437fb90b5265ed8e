"""Who may ask the embedded object store for what."""

import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from minio.error import S3Error

from pumphouse.launcher.object_ports import LOOPBACK
from pumphouse.launcher.object_server import ObjectServer, object_server
from tests.integration.launcher.one_object import BUCKET, CONTENT, KEY, SECRET, got, ports
from tests.servers.object_store import client_of

STRANGE = (
    *(
        ("GET", path)
        for path in ("/", f"/{BUCKET}", f"/{BUCKET}/{KEY}", f"/buckets/{BUCKET}/{KEY}")
    ),
    *(("GET", path) for path in ("/metrics", "/status", "/ui/index.html", "/vol/status", "/1,01")),
    *(("GET", path) for path in ("/dir/assign", "/dir/lookup?fileId=1,01&read=yes")),
    *(("GET", f"/api{path}") for path in ("/s3/buckets", "/users", "/files/list")),
    *(("DELETE", path) for path in (f"/{BUCKET}/{KEY}", f"/buckets/{BUCKET}/{KEY}", "/1,01")),
    *(("PUT", path) for path in (f"/{BUCKET}/new", f"/buckets/{BUCKET}/new", "/new-bucket")),
    *(("POST", path) for path in ("/submit", f"/col/delete?collection={BUCKET}")),
    ("GET", f"/col/delete?collection={BUCKET}"),
)


@pytest.mark.parametrize("part", ["master", "volume", "filer", "s3", "admin"])
def test_a_stranger_learns_nothing_of_an_object_and_changes_none(
    running: tuple[ObjectServer, Path], part: str
) -> None:
    server, folder = running
    address = f"http://{LOOPBACK}:{ports(folder)[f'{part}.port']}"
    with httpx.Client(base_url=address, follow_redirects=True) as stranger:
        answers = [stranger.request(method, path) for method, path in STRANGE]
    for answer in answers:
        told = f"{answer.request.method} {answer.url}: {answer.text}"
        assert CONTENT not in answer.content, told
        assert KEY in str(answer.url) or KEY not in answer.text, told
        assert "Authorization" not in answer.headers, told
        assert answer.request.method == "GET" or answer.is_error, told
    assert got(server) == CONTENT
    assert [item.object_name for item in client_of(server.url).list_objects(BUCKET)] == ["folder/"]
    assert [bucket.name for bucket in client_of(server.url).list_buckets()] == [BUCKET]


@pytest.mark.parametrize("part", ["master", "volume", "filer", "s3", "admin"])
def test_a_stranger_is_not_spoken_to_between_its_parts(
    running: tuple[ObjectServer, Path], part: str
) -> None:
    _, folder = running
    port = ports(folder)[f"{part}.port.grpc"]
    hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)
    with socket.create_connection((LOOPBACK, port), 10) as connection:
        connection.sendall(hello)
        assert connection.recv(1000) == b""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection((LOOPBACK, port), 10) as connection,
        context.wrap_socket(connection) as secure,
    ):
        secure.sendall(hello)
        with pytest.raises(ssl.SSLError, match="certificate required"):
            secure.recv(1000)


@pytest.mark.parametrize("key", ["pumphouse", "another"])
def test_a_wrong_key_or_secret_is_refused(running: tuple[ObjectServer, Path], key: str) -> None:
    server, _ = running
    address = urlsplit(server.url)
    wrong = client_of(f"http://{key}:wrong@{LOOPBACK}:{address.port}/")
    with pytest.raises(S3Error, match=r"SignatureDoesNotMatch|InvalidAccessKeyId"):
        wrong.list_buckets()


def test_the_environment_lets_nobody_else_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "stranger")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "strange")
    monkeypatch.setenv("WEED_LEVELDB2_DIR", str(folder / "elsewhere"))
    with object_server(folder, SECRET, port=0) as server:
        server.wait_until_ready()
        stranger = client_of(f"http://stranger:strange@{LOOPBACK}:{urlsplit(server.url).port}/")
        with pytest.raises(S3Error, match="InvalidAccessKeyId"):
            stranger.list_buckets()
        assert client_of(server.url).list_buckets() == []
    assert not (folder / "elsewhere").exists()


def test_nobody_else_may_read_its_files(running: tuple[ObjectServer, Path]) -> None:
    _, folder = running
    for name in ("data", "settings", "settings/s3.json", "settings/security.toml"):
        assert (folder / name).stat().st_mode & 0o077 == 0, name
    assert (folder / "settings" / "own.key").stat().st_mode & 0o077 == 0
