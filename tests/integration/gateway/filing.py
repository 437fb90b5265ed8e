"""Endpoints and runs with files, and bodies that carry them."""

import json
from typing import Any

import httpx

from tests.integration.gateway.conftest import Gateway

BOUNDARY = "the-boundary"
MULTIPART = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
OCTETS = {"Content-Type": "application/octet-stream"}
SDK = {"craft-ai-client": "craft-ai-sdk@0.74.7"}


async def turned(inputs: dict[str, Any]) -> dict[str, Any]:
    """The file backwards."""
    doc = inputs["doc"]
    return {"copy": None if doc is None else doc[::-1]}


async def pipeline(gateway: Gateway, outputs: dict[str, str] | None = None) -> None:
    """The pipeline `files`: a file `doc` and a text `note`, and these outputs by their types."""
    form = {
        "inputs[0][name]": "doc",
        "inputs[0][data_type]": "file",
        "inputs[0][is_required]": "",
        "inputs[1][name]": "note",
        "inputs[1][data_type]": "string",
    }
    for position, (name, data_type) in enumerate((outputs or {"copy": "file"}).items()):
        form[f"outputs[{position}][name]"] = name
        form[f"outputs[{position}][data_type]"] = data_type
    created = await gateway.pipeline("files", **form)
    assert created.status_code == 201, created.text
    gateway.executor.function = turned


async def endpoint(
    gateway: Gateway, outputs: dict[str, str] | None = None, **fields: Any
) -> dict[str, Any]:
    """The deployment object of an endpoint on the pipeline `files`."""
    await pipeline(gateway, outputs)
    body = {"name": "files", "pipeline_name": "files", **fields}
    created = await gateway.http.post("/api/v1/endpoints", json=body)
    assert created.status_code == 201, created.text
    shown: dict[str, Any] = created.json()
    return shown


def token(deployment: dict[str, Any]) -> dict[str, str]:
    """The header that opens the endpoint."""
    return {"Authorization": f"EndpointToken {deployment['endpoint_token']}"}


async def run(gateway: Gateway, files: Any = None, **fields: Any) -> str:
    """The id of a run of the pipeline `files` that has ended."""
    texts = {"json_inputs": {}, **fields}
    started = await gateway.http.post(
        "/api/v1/pipelines/files/run",
        data={name: json.dumps(value) for name, value in texts.items()},
        files=files,
    )
    assert started.status_code == 202, started.text
    identifier: str = started.json()["execution_id"]
    ended = await outputs_of(gateway, identifier)
    assert ended.status_code in (200, 500), ended.text
    return identifier


async def outputs_of(gateway: Gateway, execution_id: str) -> httpx.Response:
    return await gateway.http.get(
        f"/api/v1/executions/{execution_id}/outputs?wait_for_completion=true"
    )


def body_of(*parts: tuple[str, bytes]) -> bytes:
    """A multipart body: each part the rest of its Content-Disposition and other headers, and its
    content."""
    lines = b"".join(
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode()
        + content
        + b"\r\n"
        for head, content in parts
    )
    return lines + f"--{BOUNDARY}--\r\n".encode()


async def kept_files(gateway: Gateway) -> list[str]:
    """The keys of what the platform keeps of executions."""
    return [key for key in await gateway.stored() if "/code.tgz" not in key]
