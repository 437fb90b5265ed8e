"""A gateway of a few lines over real HTTP, which signs links for a real object store."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import uvicorn
from minio import Minio
from minio.datatypes import Part, PostPolicy

from tests.unit.sdk.fake_platform import access_token

Answer = tuple[int, dict[str, str], bytes]
Fault = Callable[[], Answer]
"""What the store answers instead, at the address of the gateway."""


@dataclass
class FakeGateway:
    """Answers the routes of the data store, with the faults that a test has put in the way.

    faults: for the next links, in turn, by `form`, `part 2` or `download`. links_signed_s_ago:
    how old the links are. elsewhere: where links lead instead. ends: the requests that ended an
    upload. forms: bodies of forms that met a fault. runs: bodies of runs, which the first of
    refusals answers while there is one.
    """

    store: Minio
    bucket: str
    url: str = ""
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    links_signed_s_ago: int = 0
    elsewhere: str | None = None
    ends: list[dict[str, Any]] = field(default_factory=list)
    forms: list[bytes] = field(default_factory=list)
    runs: list[bytes] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            body = b""
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return
                body += message.get("body", b"")
                if not message.get("more_body"):
                    break
            query = scope["query_string"].decode()
            status, headers, content = self._answer(scope["path"], query, body)
            raw = [(name.lower().encode(), text.encode()) for name, text in headers.items()]
            await send({"type": "http.response.start", "status": status, "headers": raw})
            await send({"type": "http.response.body", "body": content})

    def _answer(self, path: str, query: str, body: bytes) -> Answer:
        match path.removeprefix("/api/v1/").split("/"):
            case ["auth", "refresh"]:
                return _json({"access_token": access_token(3600)})
            case ["", "fault", name]:
                self.forms.append(body)
                return self.faults[name].pop(0)()
            case ["pipelines", _, "run"]:
                self.runs.append(body)
                status = self.refusals.pop(0) if self.refusals else 201
                return _json({"execution_id": "e1", "message": "No."}, status)
            case ["data-store", "upload"]:
                return _json(self._form(parse_qs(query)["path_to_object"][0]))
            case ["data-store", "download"]:
                return _json(self._download(parse_qs(body.decode())["path_to_object"][0]))
            case ["data-store", "upload", "multipart", *step]:
                return _json(self._multipart(step, json.loads(body)))
        return 404, {}, b'{"message": "no such route"}'

    def _form(self, key: str) -> dict[str, Any]:
        policy = PostPolicy(self.bucket, datetime.now(UTC) + timedelta(hours=1))
        policy.add_equals_condition("key", key)
        fields = {**self.store.presigned_post_policy(policy), "key": key}
        host = f"http://{self.store._base_url.host}/{self.bucket}"
        return {"signed_url": self._link("form", host), "fields": fields}

    def _download(self, key: str) -> dict[str, Any]:
        return {"signed_url": self._link("download", self._signed("GET", key, {}))}

    def _multipart(self, step: list[str], asked: dict[str, Any]) -> Any:
        key = asked["path_to_object"]
        if not step:
            return self.store._create_multipart_upload(self.bucket, key, {})
        upload_id = asked["multipart_upload_configuration"]
        if step == ["part"]:
            number = asked["part_number"]
            place = {"partNumber": str(number), "uploadId": upload_id}
            link = self._link(f"part {number}", self._signed("PUT", key, place))
            return {"signed_url": link, "headers": {}}
        self.ends.append(asked)
        parts = [Part(part["number"], part["metadata"]) for part in asked["parts"]]
        self.store._complete_multipart_upload(self.bucket, key, upload_id, parts)
        return {"path": key}

    def _signed(self, method: str, key: str, query: dict[str, str]) -> str:
        return self.store.get_presigned_url(
            method,
            self.bucket,
            key,
            expires=timedelta(minutes=10),
            request_date=datetime.now(UTC) - timedelta(seconds=self.links_signed_s_ago),
            extra_query_params=dict(query),
        )

    def _link(self, name: str, signed: str) -> str:
        signed = self.elsewhere or signed
        return f"{self.url}/fault/{name}" if self.faults.get(name) else signed


@contextmanager
def fake_gateway(bucket_url: str) -> Iterator[FakeGateway]:
    """A gateway for the bucket at `bucket_url`, which it makes."""
    parts = urlsplit(bucket_url)
    host = f"{parts.hostname}:{parts.port}"
    store = Minio(host, parts.username, parts.password, secure=False, region="us-east-1")
    gateway = FakeGateway(store, parts.path.strip("/"))
    store.make_bucket(gateway.bucket)
    server = uvicorn.Server(uvicorn.Config(gateway, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        give_up_at = time.monotonic() + 60
        while not server.started:
            assert time.monotonic() < give_up_at, "the fake gateway does not start"
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        gateway.url = f"http://127.0.0.1:{port}"
        yield gateway
    finally:
        server.should_exit = True
        thread.join()


def _json(value: Any, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()
