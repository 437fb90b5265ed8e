"""Requests that the document of the API allows, requests that it does not, and broken ones."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from schemathesis import APIOperation, GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from pumphouse.gateway.problems import ExecutionFailed
from tests.fuzz.aiming import Case, aim, headers_of, is_public, repair, tame
from tests.fuzz.malformed import Malformed, malformed, send
from tests.fuzz.stage import ENDPOINT_TOKEN, WAIT_S, Stage
from tests.processes import clean_environment
from tests.stack import embedded_platform

Operation = APIOperation[Any, Any, Any, Any]

LEAST_REQUESTS = 2_000

EXAMPLES = 24
"""Of each operation that takes anything: valid ones, as many invalid ones, and broken ones."""

STARTING = {"run_pipeline": 16, "trigger_deployment": 16, "trigger_endpoint": 16}
"""Fewer of those that start executions, a process each."""

SETTINGS = {
    "PUMPHOUSE_HOLD_S": "0.2",
    "PUMPHOUSE_RESULT_HOLD_S": "0.2",
    "PUMPHOUSE_DEFINITION_HOLD_S": "0.2",
    "PUMPHOUSE_VECTOR_DATABASE_URL": "https://vectors.test",
    "PUMPHOUSE_VECTOR_DATABASE_TOKEN": "a-token",
}


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with embedded_platform(environment=clean_environment(**SETTINGS)) as platform:
        prepared = Stage(platform.url, platform.token)
        prepared.prepare()
        yield prepared


@pytest.mark.timeout(1200)
def test_no_request_gets_a_server_error_or_an_answer_that_the_document_lacks(stage: Stage) -> None:
    load_all_checks()
    found = Findings()
    for operation in _operations(stage):
        _fuzz(operation, GenerationMode.POSITIVE, stage, found)
        if _takes_anything(operation):
            _fuzz(operation, GenerationMode.NEGATIVE, stage, found)
            _break(operation, stage, found)
    print(f"\n{found.statuses.total():,} requests:", dict(sorted(found.statuses.items())))
    assert not found.faults, "\n\n".join(found.faults.values())
    assert found.statuses.total() >= LEAST_REQUESTS
    assert not found.never_good, "aim at what there is, so that these succeed too"


class Findings:
    """faults: the first of each operation and kind. never_good: operations without a success."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.faults: dict[tuple[str, str], str] = {}
        self.never_good: set[str] = set()

    def count(self, operation: Operation, status: int) -> None:
        self.statuses[status] += 1
        if status < 400:
            self.never_good.discard(operation.label)

    def fault(self, operation: Operation, kind: str, request: str, answer: str) -> None:
        self.faults.setdefault((operation.label, kind), f"{kind}\n{request[:3000]}\n{answer[:500]}")


def _operations(stage: Stage) -> list[Operation]:
    document = requests.get(f"{stage.url}/schema", timeout=WAIT_S).json()
    config = schemathesis.Config.from_dict(
        {"base-url": stage.url, "generation": {"with-security-parameters": False}}
    )
    schema = schemathesis.openapi.from_dict(document, config=config)
    found = list(schema.get_all_operations())
    assert all(isinstance(result, Ok) for result in found)
    return [result.ok() for result in found if isinstance(result, Ok)]


def _takes_anything(operation: Operation) -> bool:
    raw = operation.definition.raw
    return bool(raw["parameters"]) or "requestBody" in raw


def _examples(operation: Operation) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Drawn with the same seed in each run; none is made smaller when it fails."""
    return hypothesis.settings(
        max_examples=STARTING.get(operation.definition.raw["operationId"], EXAMPLES),
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def _fuzz(operation: Operation, mode: GenerationMode, stage: Stage, found: Findings) -> None:
    if mode is GenerationMode.POSITIVE:
        found.never_good.add(operation.label)

    @_examples(operation)
    @given(
        case=operation.as_strategy(generation_mode=mode),
        aimed_to_success=st.sampled_from([True, True, False, None]),
    )
    def send_case(case: Case, aimed_to_success: bool | None) -> None:
        tame(case)
        if aimed_to_success is not None:
            aim(case, stage, aimed_to_success)
        headers = headers_of(case) if is_public(case) else {"Authorization": _user(stage)}
        answer = case.call(headers=headers, allow_redirects=False, timeout=WAIT_S)
        found.count(operation, answer.status_code)
        _check(case, answer, found)
        repair(case, answer, stage)

    send_case()


def _check(case: Case, answer: schemathesis.Response, found: Findings) -> None:
    if answer.status_code == 405:
        return  # the address was one of another route
    if _is_server_error(answer.status_code, answer.content):
        found.fault(case.operation, "a server error", case.as_curl_command(), answer.text)
        return
    for check in (status_code_conformance, content_type_conformance, response_schema_conformance):
        try:
            case.validate_response(answer, checks=[check])
        except FailureGroup as error:
            found.fault(case.operation, _reasons(error), case.as_curl_command(), answer.text)


def _reasons(error: FailureGroup) -> str:
    return "\n".join(f"{one.title}: {one.message}" for one in error.exceptions)


def _break(operation: Operation, stage: Stage, found: Findings) -> None:
    is_of_users = operation.definition.raw["security"] == [{"accessToken": []}]

    @_examples(operation)
    @given(request=malformed(operation.method.upper(), operation.path))
    def send_broken(request: Malformed) -> None:
        authorization = _user(stage) if is_of_users else f"EndpointToken {ENDPOINT_TOKEN}"
        answer = send(request, stage, authorization)
        found.count(operation, answer.status)
        if _is_server_error(answer.status, answer.body):
            found.fault(operation, "a server error", repr(request), repr(answer))

    send_broken()


def _user(stage: Stage) -> str:
    return f"Bearer {stage.access_token}"


def _is_server_error(status: int, body: bytes) -> bool:
    """Whether it is any but the answer about an execution that has failed."""
    return status >= 500 and json.loads(body or b"{}").get("name") != ExecutionFailed.code
