"""A pipeline that spreads parallel calls over the endpoints that a variable lists."""

import io
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.acceptance.conftest import Platform
from tests.acceptance.users.client import Input, InputSource, Output
from tests.acceptance.users.folders import code_in

CALLS = 8
STATE = "balancer/state.json"


@pytest.fixture
def endpoints(sdk: Any, platform: Platform) -> list[dict[str, str]]:
    """Two endpoints that answer with their name."""
    sdk.create_pipeline(
        "model",
        "balancer.py",
        "model",
        container_config=code_in("inside", requirements_path="requirements.txt"),
        inputs=[Input("question", "string"), Input("name", "string")],
        outputs=[Output("answer", "string")],
    )
    listed = []
    for name in ("model-a", "model-b"):
        deployed = sdk.create_deployment(
            "model",
            name,
            "endpoint",
            mode="low_latency",
            inputs_mapping=[InputSource("name", constant_value=name)],
        )
        url = f"{platform.url}/endpoints/{deployed['endpoint_url_path']}"
        listed.append({"url": url, "token": deployed["endpoint_token"]})
    return listed


def test_parallel_calls_take_turns_at_the_endpoints(
    sdk: Any, platform: Platform, endpoints: list[dict[str, str]]
) -> None:
    sdk.create_or_update_environment_variable("ENDPOINT_LIST", json.dumps(endpoints))
    sdk.upload_data_store_object(io.BytesIO(b'{"asked": 0}'), STATE)
    sdk.create_pipeline(
        "balancer",
        "balancer.py",
        "balance",
        container_config=code_in("inside", requirements_path="requirements.txt"),
        inputs=[Input("question", "string", is_required=True)],
        outputs=[Output("answer", "string"), Output("at_once", "number")],
    )
    deployed = sdk.create_deployment(
        "balancer",
        "balancer",
        "endpoint",
        mode="low_latency",
        enable_parallel_executions=True,
        max_parallel_executions_per_pod=CALLS,
    )

    def call(_: int) -> dict[str, Any]:
        answer = requests.post(
            f"{platform.url}/endpoints/balancer",
            headers={"Authorization": f"EndpointToken {deployed['endpoint_token']}"},
            json={"question": "abc"},
            timeout=60,
        )
        assert answer.status_code == 200, answer.text
        outputs: dict[str, Any] = answer.json()["outputs"]
        return outputs

    with ThreadPoolExecutor(CALLS) as callers:
        outputs = list(callers.map(call, range(CALLS)))
    answers = Counter(output["answer"] for output in outputs)
    assert answers == {"model-a says cba": CALLS // 2, "model-b says cba": CALLS // 2}
    assert max(output["at_once"] for output in outputs) > 1
    state = io.BytesIO()
    sdk.download_data_store_object(STATE, state)
    assert json.loads(state.getvalue()) == {"asked": CALLS}
