"""User code that calls the platform from inside an execution."""

import json
import sysconfig
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

import pumphouse.sdk
from pumphouse.sdk import ExecutionFailed, Input, Output, PumphouseSdk
from tests.acceptance.conftest import Platform
from tests.stack import eventually

CALLS = """
import json
import os
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen


def call(method, path, body=None, form=None, token=None, scheme="Bearer"):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    if form is not None:
        data = urlencode(form).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if token is not None:
        headers["Authorization"] = f"{scheme} {token}"
    address = os.environ["PUMPHOUSE_URL"] + path
    try:
        with urlopen(Request(address, data, headers, method=method)) as reply:
            text = reply.read()
            return reply.status, json.loads(text) if text else None
    except HTTPError as error:
        return error.code, json.load(error)


def signed_in():
    sdk_token = {"refresh_token": os.environ["PUMPHOUSE_TOKEN"]}
    return call("POST", "/api/v1/auth/refresh", sdk_token)[1]["access_token"]


def record(token, name, value, execution_id=None):
    owner = execution_id or os.environ["CRAFT_AI_EXECUTION_ID"]
    body = {"value": value, "execution_id": owner}
    return call("PUT", f"/api/v1/metrics/single-value/{name}", body, token=token)
"""

EVERYTHING = """
from urllib.request import urlopen
from calls import call, record, signed_in


def main(other):
    token = signed_in()
    where = {"path_to_object": "inside/kept"}
    information = "/api/v1/data-store/information"
    before = call("POST", information, where, token=token)[1]["size"]
    link = call("POST", "/api/v1/data-store/download", form=where, token=token)[1]["signed_url"]
    with urlopen(link) as reply:
        content = reply.read().decode()
    call("DELETE", "/api/v1/data-store/delete", form=where, token=token)
    after, _ = call("POST", information, where, token=token)
    variables = {"environment_variables": {"SEEN_INSIDE": content}}
    statuses = [
        call("PUT", "/api/v1/environment-variables", variables, token=token)[0],
        record(token, "size", before)[0],
        record(token, "size", before, other)[0],
        call("GET", "/api/v1/users/me", token=token)[0],
        call("GET", "/api/v1/pipelines", token=token)[0],
    ]
    refused = call("DELETE", "/api/v1/pipelines/everything", token=token)
    return {"found": [before, content, after, statuses, refused]}
"""

POD = """
from calls import call, record, signed_in

token = signed_in()
at_import, user = call("GET", "/api/v1/users/me", token=token)


def main(number):
    status, _ = record(token, "number", number)
    return {"found": [at_import, user["name"], status]}
"""

LEAK = """
import os


def main():
    return {"found": dict(os.environ)}
"""

CALLER = """
import os
from calls import call, signed_in


def main():
    token = signed_in()
    status, shown = call("GET", "/api/v1/deployments/add", token=token)
    own, _ = call("POST", "/api/v1/deployments/add/executions", {}, token=token)
    inputs = {"number1": 2, "number2": 3}
    path = "/endpoints/" + shown["endpoint_url_path"]
    called = call("POST", path, inputs, token=os.environ["ADD_TOKEN"], scheme="EndpointToken")
    return {"found": [status, shown["endpoint_token"], own, called[0], called[1]["outputs"]]}
"""

CLIENTS = """
import sys
sys.path += {paths}

from craft_ai_sdk import CraftAiSdk
from pumphouse.sdk import Forbidden, PumphouseSdk

ours, theirs = PumphouseSdk(), CraftAiSdk()


def main(number):
    ours.upload_data_store_object(b"text", "inside/" + ours.execution_id)
    theirs.delete_data_store_object("inside/" + ours.execution_id)
    recorded = [
        ours.record_metric_value("ours", number),
        theirs.record_metric_value("theirs", number),
        theirs.record_list_metric_values("list", [number, number]),
    ]
    assert theirs.who_am_i() == ours.who_am_i()
    assert theirs.get_pipeline("clients")["parameters"]["pipeline_name"] == "clients"
    try:
        ours.run_pipeline("clients")
    except Forbidden as error:
        return {{"found": [*recorded, ours.execution_id, error.message]}}
"""


@pytest.fixture
def create(sdk: PumphouseSdk, nothing_left: None, tmp_path: Path) -> Any:
    """Makes a pipeline of a program: (name, its text, its inputs)."""

    def made(name: str, program: str, *inputs: Input) -> str:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "calls.py").write_text(CALLS)
        (folder / "main.py").write_text(program)
        sdk.create_pipeline(
            name,
            "main.py",
            "main",
            container_config={"local_folder": folder, "included_folders": ["/"]},
            inputs=inputs,
            outputs=[Output("found", "json")],
        )
        return name

    return made


def metrics_of(sdk: PumphouseSdk, execution_id: str) -> dict[str, float]:
    found = sdk.get_metrics(execution_id=execution_id)
    return {metric["name"]: metric["value"] for metric in found}


def test_an_execution_does_what_it_may_and_is_refused_the_rest(
    sdk: PumphouseSdk, create: Any
) -> None:
    name = create("everything", EVERYTHING, Input("other", "string"))
    sdk.upload_data_store_object(b"content", "inside/kept")
    other = create("other", "def main():\n    return {'found': 1}\n")
    elsewhere = sdk.run_pipeline(other)["execution_id"]

    done = sdk.run_pipeline(name, inputs={"other": elsewhere})

    size, content, after, statuses, (refused, problem) = done["outputs"]["found"]
    assert (size, content, after) == (7, "content", 404)
    assert statuses == [204, 204, 403, 200, 200]
    assert refused == 403
    assert "cannot be called from inside an execution" in problem["message"]
    assert sdk.get_pipeline(name)
    assert metrics_of(sdk, done["execution_id"]) == {"size": 7}
    assert metrics_of(sdk, elsewhere) == {}
    assert {"name": "SEEN_INSIDE", "value": "content"} in sdk.list_environment_variables()


def test_a_pod_signs_in_once_and_records_for_each_of_its_executions(
    sdk: PumphouseSdk, create: Any
) -> None:
    name = create("pod", POD, Input("number", "number"))
    endpoint = sdk.create_deployment(name, name, "endpoint", mode="low_latency")
    user = sdk.who_am_i()["name"]
    for number in (1, 2):
        done = sdk.trigger_endpoint(name, endpoint["endpoint_token"], {"number": number})
        assert done["outputs"]["found"] == [200, user, 204]
        assert metrics_of(sdk, done["execution_id"]) == {"number": number}


def test_nothing_that_an_execution_finds_is_a_key_to_the_platform_afterwards(
    sdk: PumphouseSdk, create: Any, platform: Platform
) -> None:
    done = sdk.run_pipeline(create("leak", LEAK))
    environment = done["outputs"]["found"]
    assert not [text for text in environment.values() if platform.token in text]
    given = {name for name in environment if name.startswith(("PUMPHOUSE_", "CRAFT_AI_"))}
    assert given == {
        *("PUMPHOUSE_URL", "CRAFT_AI_ENVIRONMENT_URL", "CRAFT_AI_CONTROL_URL"),
        *("PUMPHOUSE_TOKEN", "CRAFT_AI_SDK_TOKEN", "CRAFT_AI_EXECUTION_ID"),
    }
    body = json.dumps({"refresh_token": environment["PUMPHOUSE_TOKEN"]}).encode()
    headers = {"Content-Type": "application/json"}
    refresh = Request(f"{platform.url}/api/v1/auth/refresh", body, headers)
    eventually(lambda: status_of(refresh) == HTTPStatus.UNAUTHORIZED)


def status_of(request: Request) -> int:
    try:
        with urlopen(request) as reply:
            status: int = reply.status
            return status
    except HTTPError as error:
        with error:
            return error.code


def test_an_execution_calls_another_endpoint_with_the_token_of_that(
    sdk: PumphouseSdk, add: str, create: Any
) -> None:
    endpoint = sdk.create_deployment(add, "add", "endpoint")
    sdk.create_or_update_environment_variable("ADD_TOKEN", str(endpoint["endpoint_token"]))
    done = sdk.run_pipeline(create("caller", CALLER))
    assert done["outputs"]["found"] == [200, None, 403, 200, {"number3": 5}]


@pytest.mark.parametrize("mode", ["elastic", "low_latency"])
def test_both_clients_need_no_arguments(sdk: PumphouseSdk, create: Any, mode: str) -> None:
    """The packages of the tests stand in for those of the pipeline."""
    packages = sysconfig.get_paths()["purelib"]
    ours = str(Path(str(pumphouse.sdk.__file__)).parents[2])
    program = CLIENTS.format(paths=[packages, ours])
    name = create("clients", program, Input("number", "number"))
    endpoint = sdk.create_deployment(name, name, "endpoint", mode=mode)
    for number in (1, 2):
        try:
            done = sdk.trigger_endpoint(name, endpoint["endpoint_token"], {"number": number})
        except ExecutionFailed as failure:
            pytest.fail(str(failure))
        *recorded, execution_id, refusal = done["outputs"]["found"]
        assert recorded == [True, True, True]
        assert execution_id == done["execution_id"]
        assert "cannot be called from inside an execution" in refusal
        assert metrics_of(sdk, execution_id) == {"ours": number, "theirs": number}
        [listed] = sdk.get_list_metrics(execution_id=execution_id)
        assert listed["values"] == [number, number]
