"""What `pumphouse up` keeps on its host is out of reach of the code that it runs."""

import socket
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from pumphouse.sdk import Input, Output, PumphouseSdk
from tests.networks import needs_own_network
from tests.stack import Platform, embedded_platform

ATTEMPTS = """
import socket

def main(ports, paths):
    reached = []
    for port in ports:
        with socket.socket() as attempt:
            attempt.settimeout(5)
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                reached.append(port)
    for path in paths:
        with socket.socket(socket.AF_UNIX) as attempt:
            try:
                attempt.connect(path)
            except OSError:
                continue
            reached.append(path)
    return {"reached": reached}
"""


def ports_of(platform: Platform) -> set[int]:
    """Ports that processes of the platform listen on."""
    root = psutil.Process(platform.process.pid)
    found: set[int] = set()
    for process in (root, *root.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            connections = process.net_connections("tcp")
            found |= {one.laddr.port for one in connections if one.status == psutil.CONN_LISTEN}
    return found


@needs_own_network
def test_user_code_reaches_the_gateway_and_nothing_else_of_the_platform() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="pumphouse-test-") as made,
        embedded_platform(data=Path(made, "data")) as platform,
        PumphouseSdk(platform.url, platform.token) as sdk,
    ):
        paths = [str(path) for path in Path(made, "data").rglob("*") if path.is_socket()]
        assert len(paths) >= 2  # of Postgres and of the object store
        for path in paths:
            with socket.socket(socket.AF_UNIX) as attempt:
                attempt.connect(path)
        folder = Path(made, "code")
        folder.mkdir()
        (folder / "main.py").write_text(ATTEMPTS)
        sdk.create_pipeline(
            *("attempts", "main.py", "main"),
            container_config={"local_folder": str(folder)},
            inputs=[Input("ports", "array"), Input("paths", "array")],
            outputs=[Output("reached", "array")],
        )
        done = sdk.run_pipeline("attempts", {"ports": [*ports_of(platform)], "paths": paths})
        assert done["outputs"]["reached"] == [urlsplit(platform.url).port]
