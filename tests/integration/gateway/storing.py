"""The data store as clients of it use it."""

from dataclasses import dataclass
from typing import Any

import httpx

from tests.integration.gateway.conftest import Gateway

API = "/api/v1/data-store"
PART_BYTES = 5 * 1024 * 1024
"""The least that stores take for a part that is not the last."""


async def upload(gateway: Gateway, path: str, content: bytes) -> httpx.Response:
    """Upload as clients do: ask for the form, then send it to the store."""
    answer = await gateway.http.get(f"{API}/upload", params={"path_to_object": path})
    assert answer.status_code == 200, answer.text
    form = answer.json()
    files = {"file": ("some-name.bin", content)}
    return await gateway.plain.post(form["signed_url"], data=form["fields"], files=files)


async def link(gateway: Gateway, path: str) -> str:
    answer = await gateway.http.post(f"{API}/download", data={"path_to_object": path})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["signed_url"])


async def information(gateway: Gateway, path: str) -> httpx.Response:
    return await gateway.http.post(f"{API}/information", json={"path_to_object": path})


def deletion(gateway: Gateway, path: str) -> Any:
    return gateway.http.request("DELETE", f"{API}/delete", data={"path_to_object": path})


@dataclass
class Upload:
    """An upload in parts, as a client goes through it."""

    gateway: Gateway
    path: str
    configuration: Any = None

    async def begin(self) -> "Upload":
        answer = await self.ask("", {"path_to_object": self.path})
        assert answer.status_code == 200, answer.text
        self.configuration = answer.json()
        return self

    async def ask(self, step: str, body: Any) -> httpx.Response:
        return await self.gateway.http.post(f"{API}/upload/multipart{step}", json=body)

    async def announce(self, number: Any, **others: Any) -> httpx.Response:
        return await self.ask(
            "/part",
            {
                "path_to_object": self.path,
                "multipart_upload_configuration": self.configuration,
                "chunk_size": PART_BYTES,
                "part_number": number,
                **others,
            },
        )

    async def send(self, number: int, content: bytes, **others: Any) -> dict[str, Any]:
        """The part as `end` lists it."""
        announced = await self.announce(number, **others)
        assert announced.status_code == 200, announced.text
        place = announced.json()
        sent = await self.gateway.plain.put(
            place["signed_url"], content=content, headers=place["headers"]
        )
        assert sent.status_code == 200, sent.text
        return {"number": number, "metadata": sent.headers["ETag"]}

    async def end(self, parts: Any, **others: Any) -> httpx.Response:
        return await self.ask(
            "/end",
            {
                "path_to_object": self.path,
                "multipart_upload_configuration": self.configuration,
                "parts": parts,
                **others,
            },
        )
