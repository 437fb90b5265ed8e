"""Promise 1: an accepted trigger reaches exactly one terminal status, whatever dies."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from pumphouse.sdk import Input, Output, PumphouseSdk
from pumphouse.sdk.results import ExecutionSummary
from tests.shared_folder import folder_in
from tests.stack import Stack, embedded_platform, full_stack

IN_FLIGHT = 200
TERMINAL = {"Succeeded", "Failed", "Error"}

CODE = """
import os
import time

def main(number, gate):
    while not os.path.exists(gate):
        time.sleep(0.01)
    time.sleep(0.02 * (number % 7))
    if number % 5 == 0:
        raise ValueError(f"{number} is a multiple of five")
    return {"square": number * number}
"""


@pytest.fixture(scope="module")
def stack(amqp_url: str, postgres_url: str, s3_url: str) -> Iterator[Stack]:
    with full_stack(amqp_url, postgres_url, s3_url) as started:
        yield started


@pytest.fixture(scope="module")
def sdk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PumphouseSdk]:
    with squares(stack.url, stack.token, tmp_path_factory.mktemp("squares")) as sdk:
        yield sdk


@contextmanager
def squares(url: str, token: str, folder: Path) -> Iterator[PumphouseSdk]:
    """A client of a platform with one pipeline, served elastic and low latency."""
    (folder / "main.py").write_text(CODE)
    with PumphouseSdk(url, token) as sdk:
        sdk.create_pipeline(
            "squares",
            "main.py",
            "main",
            container_config={"local_folder": str(folder)},
            inputs=[Input("number", "number"), Input("gate", "string")],
            outputs=[Output("square", "number")],
        )
        sdk.create_deployment("squares", "elastic", execution_rule="endpoint")
        sdk.create_deployment("squares", "warm", execution_rule="endpoint", mode="low_latency")
        yield sdk


def start(sdk: PumphouseSdk, number: int, gate: Path) -> str:
    """Start one of the mixed executions: low latency, elastic and runs, good and bad."""
    inputs = {"number": number, "gate": str(gate)}
    if number % 4 == 3:
        started = sdk.run_pipeline("squares", inputs=inputs, wait_for_completion=False)
    else:
        deployment = "elastic" if number % 4 == 2 else "warm"
        started = sdk.trigger_endpoint(deployment, inputs=inputs, wait_for_completion=False)
    return str(started["execution_id"])


def records(sdk: PumphouseSdk, ids: set[str]) -> dict[str, ExecutionSummary]:
    listed = {row["execution_id"]: row for row in sdk.list_pipeline_executions("squares")}
    assert ids <= listed.keys(), f"{len(ids - listed.keys())} accepted executions are lost"
    return {identifier: listed[identifier] for identifier in ids}


def ended(sdk: PumphouseSdk, ids: set[str], at_least: int) -> dict[str, ExecutionSummary]:
    """The records of `ids` once so many are terminal. Fails when that takes two minutes."""
    give_up_at = time.monotonic() + 120
    while True:
        found = records(sdk, ids)
        count = sum(record["status"] in TERMINAL for record in found.values())
        if count >= at_least:
            return found
        assert time.monotonic() < give_up_at, f"{len(ids) - count} of {len(ids)} never ended"
        time.sleep(0.05)


def all_end_once(sdk: PumphouseSdk, gate: Path, kill_and_start: Callable[[], None]) -> None:
    """Start IN_FLIGHT executions, kill while they run, and see each come to its right end."""
    with ThreadPoolExecutor(8) as pool:
        started = pool.map(lambda number: start(sdk, number, gate), range(IN_FLIGHT))
        numbers = dict(zip(started, range(IN_FLIGHT), strict=True))
    ids = set(numbers)
    assert len(ids) == IN_FLIGHT
    assert not TERMINAL & {record["status"] for record in records(sdk, ids).values()}

    gate.touch()
    ended(sdk, ids, at_least=5)
    kill_and_start()
    final = ended(sdk, ids, at_least=IN_FLIGHT)

    expected = {i: "Failed" if number % 5 == 0 else "Succeeded" for i, number in numbers.items()}
    assert {i: record["status"] for i, record in final.items()} == expected
    again = records(sdk, ids)
    assert {i: again[i]["end_date"] for i in ids} == {
        i: record["end_date"] for i, record in final.items()
    }, "an execution ended twice"


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "service", ["gateway", "registry", "scheduler", "mapping-resolver", "executor"]
)
def test_all_in_flight_end_once_when_a_service_is_killed(
    stack: Stack, sdk: PumphouseSdk, service: str
) -> None:
    def kill_and_start() -> None:
        stack.services[service].kill()
        stack.services[service].start()

    all_end_once(sdk, folder_in(stack.shared) / "open", kill_and_start)


@pytest.mark.timeout(240)
def test_all_in_flight_end_once_when_the_embedded_platform_is_killed(tmp_path: Path) -> None:
    with embedded_platform() as platform:

        def kill_and_start() -> None:
            platform.kill()
            platform.start()

        with squares(platform.url, platform.token, tmp_path) as sdk:
            assert platform.shared is not None
            all_end_once(sdk, platform.shared / "open", kill_and_start)
