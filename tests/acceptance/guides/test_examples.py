"""The examples of the SDK, run as their readers do."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pumphouse.sdk import PumphouseSdk

EXAMPLES = Path(__file__).parents[3] / "sdk" / "examples"


def run(example: str, environment: dict[str, str]) -> list[str]:
    """The lines that an example prints."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / example],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_serving_twice_keeps_the_endpoint(
    sdk: PumphouseSdk, nothing_left: None, environment: dict[str, str]
) -> None:
    first = run("add_numbers/serve.py", environment)
    before = sdk.get_deployment("add")
    second = run("add_numbers/serve.py", environment)
    after = sdk.get_deployment("add")
    assert first == second
    assert first[0] == 'add(9, 6) gave {"number3": 15}'
    assert (after["created_at"], after["mode"]) == (before["created_at"], "low_latency")
    curl = subprocess.run(f"{first[-1]} --silent", shell=True, capture_output=True, check=True)
    assert json.loads(curl.stdout)["outputs"] == {"number3": 15}


def test_serving_opens_a_disabled_endpoint_and_replaces_another_kind(
    sdk: PumphouseSdk, add: str, environment: dict[str, str]
) -> None:
    sdk.create_deployment(add, "add", "endpoint", "elastic")
    run("add_numbers/serve.py", environment)
    assert sdk.get_deployment("add")["mode"] == "low_latency"
    sdk.update_deployment("add", is_enabled=False)
    run("add_numbers/serve.py", environment)
    assert sdk.get_deployment("add")["is_enabled"]


def test_hello(nothing_left: None, environment: dict[str, str]) -> None:
    status, greeting = run("hello/run.py", environment)
    assert status == "Succeeded"
    assert greeting.startswith("Hello! ")
    assert greeting.endswith(" days to the new year.")


def test_mappings(sdk: PumphouseSdk, nothing_left: None, environment: dict[str, str]) -> None:
    printed = dict(line.split(": ", 1) for line in run("mappings/deploy.py", environment))
    assert ast.literal_eval(printed["renamed"]) == {"result": 15}
    assert ast.literal_eval(printed["constants"]) == {"number3": 9}
    assert printed["variables"] == "{'number3': 10} then {'number3': 64}"
    assert ast.literal_eval(printed["nulls"]) == {}
    assert sdk.list_pipelines() == []


def test_files(
    sdk: PumphouseSdk, nothing_left: None, environment: dict[str, str], tmp_path: Path
) -> None:
    ran, called, _, command = run("files/serve.py", environment)
    assert ran == r"run: 3 rows, b'Lima: 2.5\nOslo: 7\n'"
    assert called == r"endpoint: b'Lima: 2.5\nOslo: 7\n'"
    subprocess.run(f"{command} --silent", shell=True, cwd=tmp_path, check=True)
    assert (tmp_path / "report.txt").read_text() == "Lima: 2.5\nOslo: 7\n"


def test_files_from_the_data_store(
    sdk: PumphouseSdk, nothing_left: None, environment: dict[str, str]
) -> None:
    first, place, *_, second, _, last = run("files/from_the_data_store.py", environment)
    assert (first, second, last) == ("{'rows': 3}", "{'rows': 1}", "Rome: 1")
    assert re.fullmatch(r"examples/summarise/\d{8}/<execution id>\.txt 18\.00 B", place)
    assert sdk.list_data_store_objects() == []


@pytest.mark.timeout(240)
def test_every_minute(nothing_left: None, environment: dict[str, str]) -> None:
    assert run("heartbeat/every_minute.py", environment) == ["Every minute", "The pump is alive"]
