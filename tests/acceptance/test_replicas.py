"""A deployment with several pods, from the client to the processes and back."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pumphouse.sdk import InvalidParameters, Output, PumphouseSdk
from tests.acceptance.conftest import Platform
from tests.stack import eventually

NAME = "replicated"

SOURCE = """
import time, uuid

life = uuid.uuid4().hex
print("imported", life)

def main():
    begun = time.monotonic()
    time.sleep(0.5)
    return {"life": life, "span": [begun, time.monotonic()]}
"""


@pytest.fixture
def sdk(platform: Platform) -> Iterator[PumphouseSdk]:
    with PumphouseSdk(platform.url, platform.token) as client:
        yield client


@pytest.fixture
def pipeline(sdk: PumphouseSdk, tmp_path: Path) -> Iterator[str]:
    (tmp_path / "main.py").write_text(SOURCE)
    sdk.create_pipeline(
        NAME,
        function_path="main.py",
        function_name="main",
        container_config={"local_folder": tmp_path},
        outputs=[Output("life", "string"), Output("span", "array")],
    )
    yield NAME
    sdk.delete_pipeline(NAME, force_deployments_deletion=True)


def statuses(sdk: PumphouseSdk) -> list[str]:
    return [pod["status"] for pod in sdk.get_deployment(NAME)["pods"]]


@pytest.mark.timeout(240)
def test_two_pods_serve_side_by_side_one_execution_each(sdk: PumphouseSdk, pipeline: str) -> None:
    made = sdk.create_deployment(pipeline, NAME, "endpoint", mode="low_latency", replicas=2)
    assert made["status"] == "up"
    assert made["replicas"] == 2
    eventually(lambda: statuses(sdk) == ["up", "up"])

    def trigger(_: int) -> Any:
        return sdk.trigger_endpoint(NAME, made["endpoint_token"])["outputs"]

    with ThreadPoolExecutor(8) as callers:
        done = list(callers.map(trigger, range(8)))
    spans: dict[str, list[tuple[float, float]]] = {}
    for outputs in done:
        spans.setdefault(outputs["life"], []).append(tuple(outputs["span"]))
    one, other = spans.values()
    for own in (one, other):
        own.sort()
        assert all(end <= begun for (_, end), (begun, _) in pairwise(own))
    assert any(a < d and c < b for a, b in one for c, d in other), "both are at work at once"

    ids = {pod["pod_id"] for pod in sdk.get_deployment(NAME)["pods"]}
    eventually(lambda: len(sdk.get_deployment_logs(NAME)) >= 4)
    log = sdk.get_deployment_logs(NAME)
    assert {line["message"].partition(" ")[2] for line in log if "imported" in line["message"]} == {
        *spans
    }
    assert {line["pod_id"] for line in log} == ids


@pytest.mark.timeout(120)
def test_an_elastic_deployment_has_no_replicas(sdk: PumphouseSdk, pipeline: str) -> None:
    with pytest.raises(InvalidParameters, match="mode 'low_latency'"):
        sdk.create_deployment(pipeline, NAME, "endpoint", replicas=2)
