"""The address by which functions of the embedded platform reach it."""

from pathlib import Path

import pytest

from pumphouse.sdk import Output, PumphouseSdk
from tests.stack import embedded_platform

PROGRAM = """
import os
from urllib.request import urlopen


def main():
    address = os.environ["PUMPHOUSE_URL"]
    with urlopen(address + "/healthz") as reply:
        return {"found": [address, reply.status]}
"""


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_functions_reach_a_platform_that_took_any_port(tmp_path: Path, host: str) -> None:
    (tmp_path / "main.py").write_text(PROGRAM)
    with (
        embedded_platform("--host", host, "--port", "0") as platform,
        PumphouseSdk(platform.url, platform.token) as sdk,
    ):
        sdk.create_pipeline(
            "where",
            "main.py",
            "main",
            container_config={"local_folder": tmp_path},
            outputs=[Output("found", "json")],
        )
        assert sdk.run_pipeline("where")["outputs"]["found"] == [platform.url, 200]
        assert platform.url.startswith("http://127.0.0.1:")
