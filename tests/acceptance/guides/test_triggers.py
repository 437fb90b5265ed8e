"""Other services start deployments by messages, in Python and in Node, with no library of ours."""

import asyncio
import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aio_pika
import pytest

from pumphouse.sdk import PumphouseSdk
from pumphouse.sdk.results import Execution
from tests.processes import eventually

PROGRAMS = Path(__file__).parent / "programs"
DEAD_LETTERS = "pumphouse.dead-letters"

pytestmark = pytest.mark.parametrize("platform", ["full stack"], indirect=True, scope="session")

Publish = Callable[..., list[dict[str, Any]]]


@pytest.fixture(params=["aio-pika", "amqplib"])
def publish(request: pytest.FixtureRequest, broker: str) -> Publish:
    """Publishes bodies with a foreign program; the replies to those that get one."""
    if request.param == "aio-pika":
        program = [sys.executable, str(PROGRAMS / "publish_trigger.py")]
    else:
        folder: Path = request.getfixturevalue("node_folder")
        program = ["node", str(shutil.copy(PROGRAMS / "publish_trigger.cjs", folder))]

    def run(*bodies: str) -> list[dict[str, Any]]:
        done = subprocess.run(
            [*program, broker, *bodies], capture_output=True, text=True, timeout=90, check=False
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


@pytest.fixture
def deployed(sdk: PumphouseSdk, add: str) -> str:
    sdk.create_deployment(add, "add", "endpoint", "low_latency")
    return "add"


def wish(**inputs: Any) -> str:
    trigger = {"type": "trigger.requested.v1", "deployment": "add", "inputs": inputs}
    return json.dumps(trigger)


def ended(execution: Execution) -> Execution | None:
    """The execution once its record says so: the reply may come before the record."""
    return None if execution["status"] in ("Pending", "Running") else execution


def test_a_message_starts_a_deployment_and_its_end_is_the_reply(
    publish: Publish, deployed: str, sdk: PumphouseSdk
) -> None:
    (finished,) = publish(wish(number1=9, number2=6))
    assert (finished["type"], finished["status"]) == ("execution.finished.v1", "Succeeded")
    assert [(item["name"], item["value"]) for item in finished["outputs"]] == [("number3", 15)]
    recorded = eventually(lambda: ended(sdk.get_pipeline_execution(finished["execution_id"])))
    assert (recorded["status"], recorded["deployment_name"]) == ("Succeeded", "add")


def test_a_function_that_fails_replies_why(publish: Publish, deployed: str) -> None:
    (finished,) = publish(wish(number1=9, number2=None))
    assert finished["status"] == "Failed"
    assert "TypeError" in finished["error"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (wish(number1="nine", number2=6), "number1"),
        ('{"type": "trigger.requested.v1", "deployment": "nobody"}', "nobody"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_with_a_reason(
    publish: Publish, deployed: str, sdk: PumphouseSdk, body: str, said: str
) -> None:
    (refused,) = publish(body)
    assert refused["type"] == "trigger.refused.v1"
    assert said in refused["message"]
    assert sdk.list_pipeline_executions("add") == []


@pytest.mark.parametrize(
    "malformed", ["{", "not json", "[]", '{"type": "trigger.requested.v1", "inputs": {}}']
)
def test_a_malformed_message_is_put_aside_and_stops_nothing(
    publish: Publish, deployed: str, broker: str, malformed: str
) -> None:
    marked = f"{malformed} {uuid.uuid4()}"
    (finished,) = publish(f"!{marked}", wish(number1=1, number2=2))
    assert finished["status"] == "Succeeded"
    dead = asyncio.run(dead_letter(broker, marked.encode()))
    assert dead.headers["x-reason"]
    assert dead.routing_key == "trigger.requested.v1"


async def dead_letter(broker: str, body: bytes) -> aio_pika.abc.AbstractIncomingMessage:
    """The dead letter with that body, taken out of the queue."""
    async with await aio_pika.connect(broker) as connection:
        channel = await connection.channel()
        queue = await channel.get_queue(DEAD_LETTERS, ensure=False)
        async with queue.iterator(timeout=60) as letters:
            async for letter in letters:
                if letter.body == body:
                    await letter.ack()
                    return letter
    raise AssertionError("the iterator ends only by its timeout")
