"""The document of the API as the code makes it; as a program, writes it to proto/openapi.json."""

import json
from pathlib import Path

from litestar.testing import TestClient

from tests.unconnected import unconnected_gateway

COMMAND = "python -m tests.contracts.openapi"

COMMITTED = Path(__file__).parents[2] / "proto" / "openapi.json"


def served_document() -> bytes:
    """What GET /schema answers."""
    with TestClient(unconnected_gateway()) as client:
        return client.get("/schema").content


def written(document: bytes) -> str:
    """The same, for people to read and to compare."""
    return json.dumps(json.loads(document), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    COMMITTED.parent.mkdir(exist_ok=True)
    COMMITTED.write_text(written(served_document()))
    print(COMMITTED)
