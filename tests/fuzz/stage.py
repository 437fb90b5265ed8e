"""A platform with something of each kind on it, which fuzzed requests then hit."""

import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import requests

from tests.processes import eventually

SOURCE = b"""
def double(number=1, text=None):
    print("doubling", number)
    if number < 0:
        raise ValueError("less than nothing")
    with open("report.txt", "w") as report:
        report.write(str(number * 2))
    return {"twice": number * 2, "report": {"path": "report.txt"}}
"""

PIPELINE, SPARE_PIPELINE = "fuzzed", "spare"
ENDPOINT, SPARE_ENDPOINT = "fuzzed-endpoint", "spare-endpoint"
VARIABLE, METRIC, OBJECT, SPARE_OBJECT = "FUZZED", "fuzzed", "fuzzed/object.txt", "fuzzed/spare.txt"
ENDPOINT_TOKEN = "the-token-of-the-fuzzed-endpoint"

DECLARED = {
    "function_path": "main.py",
    "function_name": "double",
    "inputs[0][name]": "number",
    "inputs[0][data_type]": "number",
    "inputs[0][default_value]": "1",
    "inputs[1][name]": "text",
    "inputs[1][data_type]": "string",
    "outputs[0][name]": "twice",
    "outputs[0][data_type]": "number",
    "outputs[1][name]": "report",
    "outputs[1][data_type]": "file",
}

WAIT_S = 60


@dataclass
class Stage:
    """What there is.

    upload: the configuration of one in parts whose only part has arrived. executions and calls:
    ids of runs and of calls of the endpoint, one that has failed and one that has succeeded.
    """

    url: str
    sdk_token: str
    access_token: str = ""
    user_id: str = ""
    environment_id: str = ""
    template: str = ""
    upload: Any = None
    executions: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    def new_name(self) -> str:
        """One that no deployment has: requests to different routes draw the same."""
        return f"new-{next(self._numbers)}"

    def prepare(self) -> None:
        self.sign_in(self.sdk_token)
        self.user_id = self.ask("GET", "users/me").json()["id"]
        self.environment_id = self.ask("GET", "environment-info").json()["environment_id"]
        self.template = self.ask("GET", "pipeline-templates").json()["pipeline_templates"][0][
            "name"
        ]
        self.make_variable()
        self.make_object(OBJECT)
        self.make_object(SPARE_OBJECT)
        self.begin_upload()
        self.make_pipeline(PIPELINE)
        self.make_pipeline(SPARE_PIPELINE)
        self.make_endpoint(ENDPOINT)
        self.make_endpoint(SPARE_ENDPOINT)
        self.executions = [self.run(-1), self.run(1)]
        self.calls = [self.call(-1), self.call(1)]
        execution = {"execution_id": self.executions[-1]}
        self.ask("PUT", f"metrics/single-value/{METRIC}", json={"value": 1.5, **execution})
        self.ask("POST", f"metrics/list-values/{METRIC}", json={"values": [1, 2.5], **execution})

    def sign_in(self, sdk_token: str) -> None:
        self.sdk_token = sdk_token
        answer = self.ask("POST", "auth/refresh", json={"refresh_token": sdk_token})
        self.access_token = answer.json()["access_token"]

    def make_pipeline(self, name: str) -> None:
        form = {"pipeline_name": name, **DECLARED}
        self.ask("POST", "pipelines", data=form, files={"step_file": archive()})

    def make_endpoint(self, name: str) -> None:
        order = {"name": name, "pipeline_name": PIPELINE, "endpoint_token": ENDPOINT_TOKEN}
        self.ask("POST", "endpoints", json=order)

    def make_variable(self) -> None:
        variables = {"environment_variables": {VARIABLE: "1"}}
        self.ask("PUT", "environment-variables", json=variables)

    def make_object(self, path: str) -> None:
        link = self.ask("GET", "data-store/upload", params={"path_to_object": path}).json()
        form = {"data": link["fields"], "files": {"file": b"content"}}
        requests.post(link["signed_url"], **form, timeout=WAIT_S).raise_for_status()

    def begin_upload(self) -> None:
        path = {"path_to_object": OBJECT}
        self.upload = self.ask("POST", "data-store/upload/multipart", json=path).json()
        part = {
            **path,
            "multipart_upload_configuration": self.upload,
            "chunk_size": 7,
            "part_number": 1,
            "size": 7,
        }
        link = self.ask("POST", "data-store/upload/multipart/part", json=part).json()
        requests.put(link["signed_url"], data=b"content", timeout=WAIT_S).raise_for_status()

    def run(self, number: int) -> str:
        """The id of a run, once it has ended."""
        form = {"json_inputs": f'{{"number": {number}}}'}
        return self._ended(self.ask("POST", f"pipelines/{PIPELINE}/run", data=form))

    def call(self, number: int) -> str:
        """The id of a call of the endpoint, once it has ended."""
        values = {"number": number}
        return self._ended(self.ask("POST", f"deployments/{ENDPOINT}/executions", json=values))

    def ask(self, method: str, path: str, **body: Any) -> requests.Response:
        """The answer to a request that must succeed."""
        answer = requests.request(
            method,
            f"{self.url}/api/v1/{path}",
            headers={"Authorization": f"Bearer {self.access_token}"},
            timeout=WAIT_S,
            allow_redirects=False,
            **body,
        )
        assert answer.status_code < 400, f"{method} {path}: {answer.text}"
        return answer

    def _ended(self, started: requests.Response) -> str:
        identifier = str(started.json()["execution_id"])
        eventually(lambda: self._has_ended(identifier), within_s=WAIT_S)
        return identifier

    def _has_ended(self, execution_id: str) -> bool:
        shown = self.ask("GET", f"executions/{execution_id}").json()
        return shown["status"] not in ("Pending", "Running")


def archive() -> bytes:
    """A gzip tar with the function."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        member = tarfile.TarInfo("main.py")
        member.size = len(SOURCE)
        tar.addfile(member, io.BytesIO(SOURCE))
    return content.getvalue()
