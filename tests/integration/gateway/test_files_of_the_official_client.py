"""Files in the hands of the official client."""

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest
from craft_ai_sdk import CraftAiSdk
from craft_ai_sdk.io import InputSource, OutputDestination

from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.filing import endpoint, pipeline
from tests.integration.gateway.platform import SDK_TOKEN

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONTENT = b"\x00\xffcontent"
BOTH = {"copy": "file", "size": "number"}


async def both(inputs: dict[str, Any]) -> dict[str, Any]:
    doc = inputs["doc"]
    return {"copy": doc and doc[::-1], "size": None if doc is None else len(doc)}


def client_of(gateway: Gateway) -> CraftAiSdk:
    return CraftAiSdk(SDK_TOKEN, gateway.url, gateway.url)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("with_token", [True, False])
@pytest.mark.parametrize("outputs", [BOTH, {"copy": "file"}])
async def test_an_endpoint_takes_and_gives_files(
    gateway: Gateway, with_token: bool, outputs: dict[str, str]
) -> None:
    deployment = await endpoint(gateway, outputs)
    gateway.executor.function = both
    sdk = client_of(gateway)
    token = deployment["endpoint_token"] if with_token else None

    def call(**inputs: Any) -> dict[str, Any]:
        answer: dict[str, Any] = sdk.trigger_endpoint("files", token, inputs)["outputs"]
        return answer

    with_value = await asyncio.to_thread(call, doc=io.BytesIO(CONTENT), note="hello")
    alone = await asyncio.to_thread(call, doc=CONTENT)
    without = await asyncio.to_thread(call, note="hello")

    expected = {"copy": CONTENT[::-1], "size": len(CONTENT)}
    assert with_value == alone == {name: expected[name] for name in outputs}
    assert without == dict.fromkeys(outputs)
    notes = [trigger.inputs for trigger in gateway.registry.triggers.values()]
    assert notes == [{"note": "hello"}, {}, {"note": "hello"}]


@pytest.mark.parametrize("how", ["path", "bytes", "stream", "empty"])
async def test_a_run_takes_and_gives_files(gateway: Gateway, how: str, tmp_path: Path) -> None:
    await pipeline(gateway, BOTH)
    gateway.executor.function = both
    sdk = client_of(gateway)
    file = tmp_path / "naïve.bin"
    content = b"" if how == "empty" else CONTENT
    file.write_bytes(content)
    given = {"path": str(file), "stream": io.BytesIO(content)}.get(how, content)

    ended = await asyncio.to_thread(sdk.run_pipeline, "files", {"doc": given, "note": "hello"})
    shown = await asyncio.to_thread(sdk.get_pipeline_execution, ended["execution_id"])

    assert ended["outputs"] == {"copy": content[::-1], "size": len(content)}
    assert [item["value"] for item in shown["inputs"]] == [content, "hello"]
    assert [item["value"] for item in shown["outputs"]] == [content[::-1], len(content)]
    [trigger] = gateway.registry.triggers.values()
    assert trigger.files["doc"].name == ("naïve.bin" if how == "path" else "doc")


async def test_a_run_reads_and_writes_the_data_store(gateway: Gateway) -> None:
    await pipeline(gateway, BOTH)
    gateway.executor.function = both
    await gateway.storage.data.put("in.bin", CONTENT)
    sdk = client_of(gateway)
    source = InputSource("doc", datastore_path="in.bin")  # type: ignore[no-untyped-call]
    target = OutputDestination("copy", datastore_path="out.bin")  # type: ignore[no-untyped-call]

    ended = await asyncio.to_thread(sdk.run_pipeline, "files", None, [source], [target])
    shown = await asyncio.to_thread(sdk.get_pipeline_execution, ended["execution_id"])

    assert ended["outputs"] == {"copy": None, "size": len(CONTENT)}
    assert await gateway.storage.data.get("out.bin") == CONTENT[::-1]
    assert shown["outputs"][0]["value"] == CONTENT[::-1]
    assert shown["inputs"][0]["value"] is None
