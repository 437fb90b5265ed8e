"""What the platform costs: `POST /endpoints/add` beside the same function in a bare app.

    python -m tests.benchmarks [seconds per point] [rounds]

The bare app, the embedded default and the full stack run at the same time and are measured in
turn, round by round, so that the ratios hold when the machine's speed drifts.
"""

import asyncio
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psutil

from pumphouse.sdk import Input, Output, PumphouseSdk
from tests.benchmarks.load import Measurement, Target, measure
from tests.servers.object_store import object_store
from tests.servers.postgres import postgres
from tests.servers.rabbitmq import rabbitmq
from tests.stack import embedded_platform, full_stack

BODY = b'{"number1": 9, "number2": 6}'
CONCURRENCIES = (1, 64)


@contextmanager
def bare_app() -> Iterator[Target]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "tests.benchmarks.bare", str(port)])
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield Target(f"http://127.0.0.1:{port}/endpoints/add", BODY)
    finally:
        process.terminate()
        process.wait()


def deploy(url: str, token: str) -> Target:
    """Serve sdk/examples/add_numbers as the low latency endpoint `add`."""
    sdk = PumphouseSdk(url, token)
    sdk.create_pipeline(
        "add",
        "main.py",
        "add",
        container_config={"local_folder": "sdk/examples/add_numbers"},
        inputs=[Input("number1", "number"), Input("number2", "number")],
        outputs=[Output("number3", "number")],
    )
    info = sdk.create_deployment("add", "add", execution_rule="endpoint", mode="low_latency")
    return Target(f"{url}/endpoints/add", BODY, f"EndpointToken {info['endpoint_token']}")


def resident_mib(pid: int) -> float:
    """Resident memory of a process and all below it, shared pages counted once, in MiB."""
    process = psutil.Process(pid)
    return (
        sum(p.memory_full_info().pss for p in [process, *process.children(recursive=True)]) / 2**20
    )


def compare(targets: dict[str, Target], *, seconds: float, rounds: int) -> None:
    found: dict[tuple[str, int], list[Measurement]] = {}
    for _ in range(rounds):
        for concurrency in CONCURRENCIES:
            for name, target in targets.items():
                point = asyncio.run(measure(target, concurrency=concurrency, seconds=seconds))
                found.setdefault((name, concurrency), []).append(point)
    print(f"\nPOST /endpoints/add, {rounds} rounds of {seconds:g} s, medians")
    print(f"{'':<12}{'conc':>5}{'req/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'of bare':>9}")
    for (name, concurrency), points in found.items():
        ratio = statistics.median(
            point.requests_per_s / floor.requests_per_s
            for point, floor in zip(points, found["bare", concurrency], strict=True)
        )
        print(
            f"{name:<12}{concurrency:>5}"
            f"{statistics.median(p.requests_per_s for p in points):>9.0f}"
            f"{statistics.median(p.percentile_ms(0.5) for p in points):>9.2f}"
            f"{statistics.median(p.percentile_ms(0.99) for p in points):>9.2f}"
            f"{ratio:>9.3f}"
        )


def main(seconds: float = 3, rounds: int = 3) -> None:
    with ExitStack() as stack:
        embedded = stack.enter_context(embedded_platform())
        time.sleep(2)
        print(f"embedded, idle, Postgres included: {resident_mib(embedded.process.pid):.0f} MiB")
        full = stack.enter_context(
            full_stack(
                stack.enter_context(rabbitmq()),
                stack.enter_context(postgres()),
                stack.enter_context(object_store()),
            )
        )
        targets = {
            "bare": stack.enter_context(bare_app()),
            "embedded": deploy(embedded.url, embedded.token),
            "full stack": deploy(full.url, full.token),
        }
        compare(targets, seconds=seconds, rounds=rounds)


if __name__ == "__main__":
    main(*(float(sys.argv[1]),) if len(sys.argv) > 1 else (), *map(int, sys.argv[2:3]))
