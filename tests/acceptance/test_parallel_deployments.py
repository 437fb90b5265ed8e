"""Executions side by side in one pod, from the client to the database and back."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pumphouse.sdk import Input, Output, PumphouseSdk
from tests.acceptance.conftest import Platform
from tests.stack import eventually

AT_ONCE = 6

SOURCE = """
import asyncio, json, os, threading, time, uuid
from urllib.request import Request, urlopen
from __craft_internal_execution_context import current_execution_id

print("the module is imported")
here = threading.Barrier(6)
life = uuid.uuid4().hex

def call(method, path, body, token=""):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    url = os.environ["PUMPHOUSE_URL"] + "/api/v1" + path
    with urlopen(Request(url, json.dumps(body).encode(), headers, method=method)) as reply:
        return json.load(reply) if reply.status == 200 else None

def record(number):
    own = {"refresh_token": os.environ["PUMPHOUSE_TOKEN"]}
    token = call("POST", "/auth/refresh", own)["access_token"]
    here.wait(60)
    execution_id = current_execution_id.get()
    metric = {"value": number, "execution_id": execution_id}
    call("PUT", "/metrics/single-value/number", metric, token)
    print("recorded", number)
    return {"found": [execution_id, life]}

def in_threads(number):
    return record(number)

async def in_coroutines(number):
    return await asyncio.get_running_loop().run_in_executor(POOL, context().run, record, number)

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context as context
POOL = ThreadPoolExecutor(6)
"""


@pytest.fixture
def sdk(platform: Platform) -> Iterator[PumphouseSdk]:
    with PumphouseSdk(platform.url, platform.token) as client:
        yield client


@pytest.mark.timeout(240)
@pytest.mark.parametrize("function", ["in_threads", "in_coroutines"])
def test_each_of_many_executions_at_once_has_its_own_result_log_and_metrics(
    sdk: PumphouseSdk, tmp_path: Path, function: str
) -> None:
    (tmp_path / "main.py").write_text(SOURCE)
    name = function.replace("_", "-")
    sdk.create_pipeline(
        name,
        function_path="main.py",
        function_name=function,
        container_config={"local_folder": tmp_path},
        inputs=[Input("number", "number")],
        outputs=[Output("found", "array")],
    )
    try:
        made = sdk.create_deployment(
            name, name, "endpoint", mode="low_latency", enable_parallel_executions=True
        )
        assert made["max_parallel_executions_per_pod"] == AT_ONCE

        def trigger(number: int) -> Any:
            return sdk.trigger_endpoint(name, made["endpoint_token"], {"number": number})

        with ThreadPoolExecutor(2 * AT_ONCE) as callers:
            done = list(callers.map(trigger, range(2 * AT_ONCE)))
        assert len({result["outputs"]["found"][1] for result in done}) == 1
        for number, result in enumerate(done):
            execution_id = result["execution_id"]
            assert result["outputs"]["found"][0] == execution_id
            [metric] = sdk.get_metrics(execution_id=execution_id)
            assert metric["value"] == number
            eventually(partial(sdk.get_pipeline_execution_logs, execution_id))
            lines = sdk.get_pipeline_execution_logs(execution_id)
            assert [line["message"] for line in lines] == [f"recorded {number}"]
        eventually(lambda: len(sdk.get_deployment_logs(name)) >= 2)
        log = sdk.get_deployment_logs(name)
        assert log[1]["message"] == "the module is imported"
        assert {line["pod_id"] for line in log} == {made["pods"][0]["pod_id"]}
    finally:
        sdk.delete_pipeline(name, force_deployments_deletion=True)
