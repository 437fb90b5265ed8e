"""Requests that no document describes: broken encodings, broken JSON, odd addresses."""

import http.client
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from hypothesis import strategies as st

from tests.fuzz import stage as on_stage
from tests.fuzz.stage import WAIT_S, Stage

_KNOWN = (on_stage.PIPELINE, on_stage.ENDPOINT)

_SEGMENTS = (
    on_stage.SPARE_OBJECT.replace("/", "%2F"),
    "%00",
    "%ff",
    "%2e%2e%2f",
    "a%2Fb",
    "%E2%80%A8",
    "%",
    "'\"",
    "x" * 3_000,
)

_QUERIES = (
    "",
    "?page=%ff&items_per_page=9e9",
    "?page=" + "9" * 400,
    "?start=-1&end=99999999999999999999",
    "?wait_for_completion=%00&wait_for_completion=true",
    "?token=%ff%00&hop=%C2%B2",
    "?folder_path=%00&continuation_token=%ff",
    "?filters[name]=%ED%A0%80",
    "?path_to_object=" + "a/" * 1_500,
    "?&&==%",
)

_TYPES = (
    "application/json",
    "application/json; charset=utf-16",
    "application/x-www-form-urlencoded",
    "application/octet-stream",
    "multipart/form-data",
    "multipart/form-data; boundary=b",
    'multipart/form-data; boundary="',
    "text/plain; charset=nothing",
    ";;;",
    "",
)

_BODIES = (
    b"",
    b"null",
    b"[]",
    b"{",
    b'"\\ud800"',
    b'{"from": 1e400, "to": NaN}',
    b'{"limit": ' + b"9" * 5_000 + b"}",
    b"[" * 5_000,
    b'{"a":' * 2_000,
    b'{"environment_variables": {"A": "\\u0000"}}',
    b'{"pipeline_name": "\\u0000", "name": "\\u0000", "pipeline_template_name": "\\u0000"}',
    b'{"name": "a", "pipeline_name": "fuzzed", "inputs_mapping": [{}], "schedule": "99 * * * *"}',
    b"path_to_object=%ff%00",
    b"endpoint_token=%00&endpoint_token=",
    b"inputs[0][name]=a&inputs[9999999999][name]=b&pipeline_name[a]=c&pipeline_name=d",
    b"json_inputs=%7B%22number%22%3A1e400%7D&inputs_mapping=%5B%5B%5D%5D",
    b'--b\r\nContent-Disposition: form-data; name="step_file"; filename="x"\r\n\r\nx\r\n--b--\r\n',
    b'--b\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n\xff\r\n--b--\r\n',
    b"--b\r\n\r\n--b",
)


@dataclass(frozen=True)
class Malformed:
    """path: with its query."""

    method: str
    path: str
    content_type: str
    body: bytes


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes


def malformed(method: str, template: str) -> st.SearchStrategy[Malformed]:
    """Requests to an address of the document."""
    places = re.findall(r"\{\w+\}", template)
    is_harmless = method in ("GET", "POST") and not template.endswith("/generate-new-token")
    segments = st.sampled_from(_KNOWN + _SEGMENTS if is_harmless else _SEGMENTS)
    return st.builds(
        lambda found, query, content_type, body: Malformed(
            method, _filled(template, found) + query, content_type, body
        ),
        st.tuples(*[segments] * len(places)),
        st.sampled_from(_QUERIES),
        st.sampled_from(_TYPES),
        st.sampled_from(_BODIES) | st.binary(max_size=300),
    )


def send(request: Malformed, stage: Stage, authorization: str) -> Answer:
    """The answer, which must be one of HTTP."""
    address = urlsplit(stage.url)
    connection = http.client.HTTPConnection(address.netloc, timeout=WAIT_S)
    try:
        connection.putrequest(request.method, request.path)
        connection.putheader("Authorization", authorization)
        connection.putheader("Content-Length", str(len(request.body)))
        if request.content_type:
            connection.putheader("Content-Type", request.content_type)
        connection.endheaders(request.body)
        answer = connection.getresponse()
        return Answer(answer.status, answer.read())
    finally:
        connection.close()


def _filled(template: str, segments: tuple[Any, ...]) -> str:
    rest = iter(segments)
    return re.sub(r"\{\w+\}", lambda _: next(rest), template)
