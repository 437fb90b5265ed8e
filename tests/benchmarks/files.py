"""What files cost: through the platform, beside the same bytes straight to the object store.

    python -m tests.benchmarks.files [rounds]

The platform runs as one process per service, so that the memory of each can be told apart. Every
ratio is of two transfers that were made one after the other, round by round.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from minio import Minio

from pumphouse.sdk import Input, Output, PumphouseSdk
from tests.servers.object_store import object_store
from tests.servers.postgres import postgres
from tests.servers.rabbitmq import rabbitmq
from tests.stack import Stack, full_stack

MIB = 2**20
OBJECT_BYTES = 1024 * MIB
FILE_BYTES = 200 * MIB
OBJECTS = 10_000
MEASURED = ("gateway", "executor")

COPY = """
import shutil

def main(source):
    shutil.copyfile(source["path"], "copy.bin")
    return {"copy": {"path": "copy.bin"}}
"""


@dataclass(frozen=True)
class Straight:
    """The object store without the platform."""

    client: Minio
    bucket: str

    @classmethod
    def to(cls, s3_url: str) -> "Straight":
        parts = urlsplit(s3_url)
        client = Minio(
            f"{parts.hostname}:{parts.port}",
            parts.username,
            parts.password,
            secure=parts.scheme == "https",
            region="us-east-1",
        )
        return cls(client, parts.path.strip("/"))

    def up(self, file: Path) -> None:
        self.client.fput_object(self.bucket, "straight", str(file))

    def down(self, file: Path) -> None:
        self.client.fget_object(self.bucket, "straight", str(file))


@contextmanager
def peaks(stack: Stack, found: dict[str, float]) -> Iterator[None]:
    """Keep in `found` the most that each measured service's memory grew, in MiB."""
    pids = {name: stack.services[name].process.pid for name in MEASURED}
    for pid in pids.values():
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # VmHWM begins again from VmRSS
    before = {name: _status_mib(pid, "VmRSS") for name, pid in pids.items()}
    yield
    for name, pid in pids.items():
        grown = _status_mib(pid, "VmHWM") - before[name]
        found[name] = max(found.get(name, 0.0), grown)


def _status_mib(pid: int, field: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"/proc/{pid}/status has no {field}")


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@dataclass
class Table:
    """Rows of a transfer: MiB/s through the platform and straight, and the ratio."""

    size: int
    rows: dict[str, list[tuple[float, float]]]

    def add(self, name: str, through_s: float, straight_s: float) -> None:
        self.rows.setdefault(name, []).append((through_s, straight_s))

    def print(self) -> None:
        print(f"{'':<34}{'MiB/s':>9}{'straight':>10}{'ratio':>8}")
        for name, times in self.rows.items():
            through = statistics.median(self.size / MIB / t for t, _ in times)
            straight = statistics.median(self.size / MIB / s for _, s in times)
            ratio = statistics.median(s / t for t, s in times)
            print(f"{name:<34}{through:>9.0f}{straight:>10.0f}{ratio:>8.2f}")


def data_store(
    stack: Stack, sdk: PumphouseSdk, straight: Straight, folder: Path, rounds: int
) -> None:
    file, back = folder / "object", folder / "back"
    _fill(file, OBJECT_BYTES)
    table, grown = Table(OBJECT_BYTES, {}), dict[str, float]()
    for _ in range(rounds):
        straight_up = seconds(lambda: straight.up(file))
        with peaks(stack, grown):
            up = seconds(lambda: sdk.upload_data_store_object(file, "benchmark/object"))
        straight_down = seconds(lambda: straight.down(back))
        back.unlink()
        with peaks(stack, grown):
            down = seconds(lambda: sdk.download_data_store_object("benchmark/object", back))
        assert back.stat().st_size == OBJECT_BYTES
        back.unlink()
        table.add("upload of 1 GiB, SDK", up, straight_up)
        table.add("download of 1 GiB, SDK", down, straight_down)
    table.print()
    _print_grown(grown)
    file.unlink()


def endpoint(
    stack: Stack, sdk: PumphouseSdk, straight: Straight, folder: Path, rounds: int
) -> None:
    (folder / "code").mkdir()
    (folder / "code" / "main.py").write_text(COPY)
    sdk.create_pipeline(
        "copy",
        "main.py",
        "main",
        container_config={"local_folder": str(folder / "code")},
        inputs=[Input("source", "file")],
        outputs=[Output("copy", "file")],
    )
    token = sdk.create_deployment("copy", "copy", execution_rule="endpoint", mode="low_latency")[
        "endpoint_token"
    ]
    file, back = folder / "file", folder / "file-back"
    _fill(file, FILE_BYTES)

    def call() -> None:
        with (
            file.open("rb") as content,
            httpx.stream(
                "POST",
                f"{stack.url}/endpoints/copy",
                headers={"Authorization": f"EndpointToken {token}"},
                files={"source": content},
                timeout=120,
                follow_redirects=True,
            ) as answer,
            back.open("wb") as target,
        ):
            answer.raise_for_status()
            for chunk in answer.iter_raw(MIB):
                target.write(chunk)
        assert back.stat().st_size == FILE_BYTES

    def there_and_back_twice() -> None:
        for _ in range(2):
            straight.up(file)
            straight.down(back)

    table, grown = Table(FILE_BYTES, {}), dict[str, float]()
    for _ in range(rounds):
        straight_s = seconds(there_and_back_twice)
        with peaks(stack, grown):
            through_s = seconds(call)
        table.add("200 MiB to a function and back", through_s, straight_s)
    print("\nstraight: the file into the store and out of it, twice, as the call does")
    table.print()
    _print_grown(grown)


def listing(sdk: PumphouseSdk, straight: Straight, folder: Path) -> None:
    empty = folder / "empty"
    empty.touch()

    def put(number: int) -> None:
        straight.client.fput_object(straight.bucket, f"many/{number:05}", str(empty))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(put, range(OBJECTS)))
    found: list[object] = []
    elapsed = seconds(lambda: found.extend(sdk.iter_data_store_objects("many")))
    assert len(found) == OBJECTS
    print(f"\n{OBJECTS:,} objects listed by the SDK in {elapsed:.2f} s")


def _fill(file: Path, size: int) -> None:
    block = bytes(range(256)) * (MIB // 256)
    with file.open("wb") as opened:
        for number in range(size // MIB):
            opened.write(number.to_bytes(8, "big") + block[8:])


def _print_grown(grown: dict[str, float]) -> None:
    for name, mib in grown.items():
        print(f"  peak memory of the {name} grew by {mib:.0f} MiB")


def main(rounds: int = 3) -> None:
    with ExitStack() as opened:
        s3_url = opened.enter_context(object_store())
        stack = opened.enter_context(
            full_stack(opened.enter_context(rabbitmq()), opened.enter_context(postgres()), s3_url)
        )
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="pumphouse-files-")))
        sdk = opened.enter_context(PumphouseSdk(stack.url, stack.token))
        straight = Straight.to(stack.s3_url)
        data_store(stack, sdk, straight, folder, rounds)
        endpoint(stack, sdk, straight, folder, rounds)
        listing(sdk, straight, folder)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
