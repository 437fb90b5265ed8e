"""One object in an embedded store, and what the tests ask of both."""

import io
import json
from pathlib import Path

from pumphouse.launcher.object_server import ObjectServer
from tests.servers.object_store import client_of

SECRET = "pass/word with:signs@%"
BUCKET = "kept"
KEY = "folder/name-of-the-object"
CONTENT = b"what is in the object"


def put(server: ObjectServer, key: str = KEY, content: bytes = CONTENT) -> None:
    client = client_of(server.url)
    if not client.bucket_exists(BUCKET):
        client.make_bucket(BUCKET)
    client.put_object(BUCKET, key, io.BytesIO(content), len(content))


def got(server: ObjectServer, key: str = KEY) -> bytes:
    return client_of(server.url).get_object(BUCKET, key).read()


def ports(folder: Path) -> dict[str, int]:
    found: dict[str, int] = json.loads((folder / "ports.json").read_bytes())
    return found
