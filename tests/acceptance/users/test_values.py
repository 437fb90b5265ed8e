"""What goes in and comes out: nothing, values, files, many at once, and what cannot."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
import requests

from tests.acceptance.conftest import Platform
from tests.acceptance.users.client import (
    Input,
    InputSource,
    Output,
    OutputDestination,
    SdkException,
    logged,
)
from tests.acceptance.users.folders import code_in
from tests.stack import eventually

Create = Callable[..., str]


@pytest.fixture
def create(sdk: Any) -> Iterator[Create]:
    """Makes a pipeline of a function of the folder `values`, for one test."""
    made: list[str] = []

    def make(function: str, inputs: Any = None, outputs: Any = None, name: str = "") -> str:
        made.append(name or function)
        sdk.create_pipeline(
            made[-1],
            "functions.py",
            function,
            container_config=code_in("values"),
            inputs=inputs,
            outputs=outputs,
        )
        return made[-1]

    yield make
    for name in made:
        sdk.delete_pipeline(name, force_deployments_deletion=True)


def test_a_function_without_inputs_and_outputs_leaves_its_log(sdk: Any, create: Create) -> None:
    done = sdk.run_pipeline(create("no_io"))
    assert done["outputs"] == {}
    eventually(lambda: "nothing in, nothing out" in logged(sdk, done["execution_id"]))


def test_values_of_each_kind_pass_through_an_endpoint(sdk: Any, create: Create) -> None:
    inputs = [Input("num_i", "number"), Input("text_i", "string"), Input("json_i", "json")]
    outputs = [Output("text_o", "string"), Output("json_o", "json"), Output("bool_o", "boolean")]
    create("io_value", inputs, outputs)
    deployed = sdk.create_deployment("io_value", "io-value", "endpoint")
    given = {"num_i": 3, "text_i": 'é\n"', "json_i": {"a": [1, None], "b": {"c": "日本"}}}
    done = sdk.trigger_endpoint("io-value", deployed["endpoint_token"], given)
    assert done["outputs"] == {
        "text_o": 'é\n"3',
        "json_o": {**given["json_i"], "seen": True},  # type: ignore[dict-item]
        "bool_o": True,
    }


def test_a_file_of_the_caller_and_one_of_the_data_store_are_joined(
    sdk: Any, create: Create
) -> None:
    inputs = [Input("file_endpoint_i", "file"), Input("file_datastore_i", "file")]
    create("io_file", inputs, [Output("file_endpoint_o", "file")])
    sdk.upload_data_store_object(io.BytesIO(b" and stored"), "io/stored.txt")
    deployed = sdk.create_deployment(
        "io_file",
        "io-file",
        "endpoint",
        inputs_mapping=[InputSource("file_datastore_i", datastore_path="io/stored.txt")],
    )
    given = {"file_endpoint_i": io.BytesIO(b"given")}
    done = sdk.trigger_endpoint("io-file", deployed["endpoint_token"], given)
    assert done["outputs"] == {"file_endpoint_o": b"given and stored"}


def test_many_values_and_files_go_through_one_run(sdk: Any, create: Create) -> None:
    kinds = {"text": "string", "number": "number", "flag": "boolean"}
    kinds |= {"table": "json", "items": "array"}
    inputs = [Input(name, kind) for name, kind in kinds.items()]
    inputs += [Input("first", "file"), Input("second", "file")]
    outputs = [Output(name, kind) for name, kind in kinds.items()] + [Output("summary", "file")]
    create("multi_io", inputs, outputs)
    values = {"text": "abc", "number": 2.5, "flag": True, "table": {"k": [1]}, "items": [1, "b"]}
    files = {"first": io.BytesIO(b"12345"), "second": b""}
    done = sdk.run_pipeline("multi_io", inputs={**values, **files})
    assert done["outputs"] == {
        "text": "ABC",
        "number": 5.0,
        "flag": False,
        "table": {"sizes": [5, 0]},
        "items": ["b", 1],
        "summary": b'{"k": [1]}',
    }


def test_two_files_go_to_the_data_store_and_are_read_from_there(sdk: Any, create: Create) -> None:
    create("two_files", None, [Output("txtFile", "file"), Output("csvFile", "file")])
    deployed = sdk.create_deployment(
        "two_files",
        "two-files",
        "endpoint",
        outputs_mapping=[
            OutputDestination("txtFile", datastore_path="docExample/text.txt"),
            OutputDestination("csvFile", datastore_path="docExample/{execution_id}/table.csv"),
        ],
    )
    done = sdk.trigger_endpoint("two-files", deployed["endpoint_token"])
    assert done["outputs"] == {}
    table = io.BytesIO()
    stored = f"docExample/{done['execution_id']}/table.csv"
    sdk.download_data_store_object(stored, table)
    assert table.getvalue() == b"id,name\r\n1,Ada\r\n"
    create("read_file", [Input("entryFile", "file")])
    mapped = [InputSource("entryFile", datastore_path="docExample/text.txt")]
    read = sdk.run_pipeline("read_file", inputs_mapping=mapped)["execution_id"]
    eventually(lambda: "written by a pipeline" in logged(sdk, read))


def test_two_files_come_back_to_the_caller(sdk: Any, create: Create) -> None:
    create("two_files", None, [Output("txtFile", "file"), Output("csvFile", "file")], "two-back")
    deployed = sdk.create_deployment("two-back", "two-back", "endpoint")
    done = sdk.trigger_endpoint("two-back", deployed["endpoint_token"])
    assert done["outputs"] == {
        "txtFile": b"written by a pipeline",
        "csvFile": b"id,name\r\n1,Ada\r\n",
    }


def test_values_reach_the_function_as_python_has_them(sdk: Any, create: Create) -> None:
    inputs = [
        Input("int_value", "number", default_value=12),
        Input("dictionary", "json", is_required=True),
    ]
    create("coerced", inputs, [Output("result", "array")])
    done = sdk.run_pipeline("coerced", inputs={"dictionary": {"b": 2, "a": "1"}})
    assert done["outputs"] == {"result": [12, [["a", "1"], ["b", 2]], "int", "dict"]}
    with pytest.raises(SdkException, match="dictionary") as refused:
        sdk.run_pipeline("coerced", inputs={"int_value": 3})
    assert refused.value.status_code == 400
    assert len(sdk.list_pipeline_executions("coerced")) == 1


def test_a_failing_function_is_told_to_its_caller_with_the_line(sdk: Any, create: Create) -> None:
    create("failing_step", None, [Output("v", "number")])
    with pytest.raises(SdkException, match="ZeroDivisionError: division by zero") as failed:
        sdk.run_pipeline("failing_step")
    assert "return 1 / 0" in failed.value.message
    rows = eventually(lambda: sdk.list_pipeline_executions("failing_step"))
    assert [row["status"] for row in rows] == ["Failed"]
    eventually(lambda: "about to fail" in logged(sdk, rows[0]["execution_id"]))


@pytest.mark.parametrize("how", ["nan", "inf"])
def test_a_function_that_returns_no_number_fails_with_the_place_of_it(
    sdk: Any, create: Create, how: str
) -> None:
    create("not_a_number", [Input("how", "string")], [Output("scores", "json")])
    with pytest.raises(SdkException) as failed:
        sdk.run_pipeline("not_a_number", inputs={"how": how})
    assert f"'scores' has the value {how} at ['mean'][1]" in failed.value.message
    assert "use None instead" in failed.value.message
    rows = sdk.list_pipeline_executions("not_a_number")
    assert [row["status"] for row in rows] == ["Failed"]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_a_run_with_no_number_for_a_number_is_refused_by_the_name_of_the_input(
    sdk: Any, create: Create, text: str
) -> None:
    create("square", [Input("value", "number")], [Output("squared", "number")])
    with pytest.raises(SdkException, match=rf"contains {text} at \['value'\]") as refused:
        sdk.run_pipeline("square", inputs={"value": float(text)})
    assert refused.value.status_code == 400
    assert sdk.list_pipeline_executions("square") == []


def test_variables_lead_to_a_database_of_another_host(sdk: Any, create: Create) -> None:
    create("query_database", [Input("ids", "array")], [Output("filtered_data", "array")])
    password = "p&ss %40 word"
    with database({1: "Ada", 2: "Grace", 3: "Mary"}, password) as port:
        settings = {"HOST": "127.0.0.1", "PORT": port, "ADMIN": "me", "NAME": "people"}
        for name, value in {**settings, "PASS": password}.items():
            sdk.create_or_update_environment_variable(f"DB_{name}", value)
        done = sdk.run_pipeline("query_database", inputs={"ids": [3, 1]})
    assert done["outputs"] == {"filtered_data": ["Mary", "Ada"]}


def test_a_pipeline_calls_the_endpoint_of_another(
    sdk: Any, platform: Platform, create: Create
) -> None:
    create("square", [Input("value", "number")], [Output("squared", "number")])
    other = sdk.create_deployment("square", "square", "endpoint")
    url = f"{platform.url}/endpoints/{other['endpoint_url_path']}"
    target = {"url": url, "token": other["endpoint_token"]}
    sdk.create_or_update_environment_variable("OTHER_ENDPOINT", json.dumps(target))
    create("call_another", [Input("number", "number")], [Output("answer", "number")])
    deployed = sdk.create_deployment("call_another", "caller", "endpoint")
    answer = requests.post(
        f"{platform.url}/endpoints/caller",
        headers={"Authorization": f"EndpointToken {deployed['endpoint_token']}"},
        json={"number": 12},
        timeout=60,
    )
    assert answer.json()["outputs"] == {"answer": 144}


@contextmanager
def database(rows: dict[int, str], password: str) -> Iterator[int]:
    """A server, at the port given, that tells the names of ids to who knows its password."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            ids = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known = self.headers["X-Password"] == password and self.path == "/people"
            self.send_response(200 if known else 403)
            self.end_headers()
            self.wfile.write(json.dumps([rows[one] for one in ids]).encode())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()
