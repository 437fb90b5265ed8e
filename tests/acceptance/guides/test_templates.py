"""The shipped templates, by the official client, deployed as they recommend."""

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from craft_ai_sdk.io import InputSource, OutputDestination

from tests.acceptance.conftest import Platform
from tests.acceptance.guides.callers import official_client

pytestmark = pytest.mark.usefixtures("nothing_left")

SOURCE: Any = InputSource
DESTINATION: Any = OutputDestination

NOT_A_PARAMETER = ("data_type", "source", "destination", "value")


@pytest.fixture
def client(platform: Platform) -> Iterator[Any]:
    with official_client(platform.url, platform.token) as opened:
        yield opened


def served(client: Any, template_name: str) -> str:
    """The token of a new endpoint that is called like the template."""
    template = client.get_pipeline_template(template_name)
    created = client.create_pipeline(template_name, pipeline_template_name=template_name)
    assert created["creation_info"]["pipeline_template"]["version"] == template["version"]
    deployment = client.create_deployment(
        pipeline_name=template_name,
        deployment_name=template_name,
        execution_rule="endpoint",
        inputs_mapping=[
            SOURCE(**parameters(item)) for item in template["recommended_inputs_mapping"]
        ],
        outputs_mapping=[
            DESTINATION(**parameters(item)) for item in template["recommended_outputs_mapping"]
        ],
    )
    token: str = deployment["endpoint_token"]
    return token


def parameters(item: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key not in NOT_A_PARAMETER}


def called(client: Any, name: str, token: str, inputs: dict[str, Any]) -> dict[str, Any]:
    outputs: dict[str, Any] = client.trigger_endpoint(name, token, inputs)["outputs"]
    return outputs


def test_three_templates_are_offered(client: Any) -> None:
    names = [template["name"] for template in client.list_pipeline_templates()]
    assert names == ["chat-completion", "drift-check", "table-summary"]


def test_a_table_is_summarized(client: Any) -> None:
    token = served(client, "table-summary")
    table = b"\xef\xbb\xbfcity,people\nLyon,4\nParis,8\nLyon,\n"

    summary = called(client, "table-summary", token, {"table": table})["summary"]

    assert summary == {
        "rows": 3,
        "columns": {
            "city": {
                "present": 3,
                "missing": 0,
                "kind": "text",
                "distinct": 2,
                "most_common": {"Lyon": 2, "Paris": 1},
            },
            "people": {
                "present": 2,
                "missing": 1,
                "kind": "number",
                "min": 4,
                "max": 8,
                "mean": 6,
                "median": 6,
                "standard_deviation": 2,
            },
        },
    }


def test_drift_is_told_from_a_reference_in_the_data_store(client: Any) -> None:
    reference = io.BytesIO(table_of(range(100)))
    client.upload_data_store_object(reference, "drift-check/reference.csv")
    token = served(client, "drift-check")

    same = called(client, "drift-check", token, {"current": table_of(range(100))})
    other = called(client, "drift-check", token, {"current": table_of(range(80, 180))})

    assert same["has_drifted"] is False
    assert same["report"]["shifts"] == {"x": 0, "constant": 0}
    assert other["has_drifted"] is True
    assert other["report"]["drifted"] == ["x"]
    assert other["report"]["only_in_reference"] == []


def table_of(numbers: range) -> bytes:
    rows = (f"{number},1,name {number}" for number in numbers)
    return "\n".join(["x,constant,name", *rows]).encode()


def test_a_chat_is_completed_by_the_api_that_variables_name(client: Any) -> None:
    token = served(client, "chat-completion")
    messages = [{"role": "user", "content": "Hello"}]
    with chat_api() as (address, asked):
        for name, value in {
            "CHAT_API_URL": f"{address}/v1",
            "CHAT_API_KEY": "the-key-of-the-api",
            "CHAT_MODEL": "small",
        }.items():
            client.create_or_update_environment_variable(name, value)
        outputs = called(
            client, "chat-completion", token, {"messages": messages, "system_prompt": "Be brief."}
        )

    assert outputs == {"choices": [{"message": {"role": "assistant", "content": "Hi"}}]}
    assert asked == [
        {
            "path": "/v1/chat/completions",
            "key": "Bearer the-key-of-the-api",
            "model": "small",
            "temperature": 0.7,
            "messages": [{"role": "system", "content": "Be brief."}, *messages],
        }
    ]
    (execution,) = client.list_pipeline_executions("chat-completion")
    shown = client.get_pipeline_execution(execution["execution_id"])
    assert "the-key-of-the-api" not in str(shown)


@contextmanager
def chat_api() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The address of an API that answers every question alike, and what it was asked."""
    asked: list[dict[str, Any]] = []

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append({"path": self.path, "key": self.headers["Authorization"], **question})
            answer = {"choices": [{"message": {"role": "assistant", "content": "Hi"}}]}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()
