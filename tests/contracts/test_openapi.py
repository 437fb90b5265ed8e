"""The document of the API: whole, valid, and the one that is committed."""

import json
from http import HTTPStatus
from typing import Any

import msgspec
import pytest
from litestar import Litestar, get
from openapi_spec_validator import OpenAPIV31SpecValidator

from pumphouse.contracts.vocabulary import DataType
from pumphouse.gateway.links import RELAY_PATH
from pumphouse.gateway.openapi import operations
from pumphouse.gateway.problems import Problem
from tests.contracts.openapi import COMMAND, COMMITTED, served_document, written
from tests.unconnected import handlers_of, unconnected_gateway

METHODS = ("get", "put", "post", "patch", "delete")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(served_document())
    return found


@pytest.fixture(scope="module")
def gateway() -> Litestar:
    return unconnected_gateway(s3_public_url=None, s3_relay=True)


def operations_in(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By method and path."""
    return {
        f"{method} {path}": methods[method]
        for path, methods in document["paths"].items()
        for method in METHODS
        if method in methods
    }


def test_the_committed_document_is_the_one_that_is_served() -> None:
    assert COMMITTED.read_text() == written(served_document()), f"write it anew: {COMMAND}"


def test_it_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(document).validate()


def test_only_the_way_to_the_store_and_a_second_address_are_left_out(gateway: Litestar) -> None:
    left_out = {path for path, one in handlers_of(gateway) if one.include_in_schema is False}
    assert left_out == {f"{RELAY_PATH}/{{place:path}}", "/schema/openapi.json"}


def test_every_route_is_in_the_document(gateway: Litestar, document: dict[str, Any]) -> None:
    routes = [
        (path, one) for path, one in handlers_of(gateway) if one.include_in_schema is not False
    ]
    served = {
        f"{method.lower()} {path.replace(':str', '').replace(':path', '')}"
        for path, handler in routes
        for method in handler.http_methods - {"HEAD", "OPTIONS"}
    }
    assert served == operations_in(document).keys()


def test_a_route_without_a_description_stops_the_gateway() -> None:
    @get("/silent")
    async def silent() -> None: ...

    with pytest.raises(LookupError, match="silent"):
        operations([silent], [])


def test_every_operation_says_what_it_is_and_what_it_answers(document: dict[str, Any]) -> None:
    found = operations_in(document)
    names = [one["operationId"] for one in found.values()]
    assert sorted(names) == sorted(set(names))
    for at, one in found.items():
        assert one["summary"], at
        assert one["tags"], at
        good = [answer for status, answer in one["responses"].items() if status < "400"]
        assert good, at
        for answer in good:
            no_content = answer["description"] == HTTPStatus.NO_CONTENT.phrase
            assert no_content or answer["content"], at


def test_every_place_in_an_address_is_described(document: dict[str, Any]) -> None:
    for at, one in operations_in(document).items():
        named = {item["name"] for item in one["parameters"] if item["in"] == "path"}
        assert named == {part[1:-1] for part in at.split("/") if part.startswith("{")}, at


def test_every_refusal_is_a_problem(document: dict[str, Any]) -> None:
    assert set(document["components"]["schemas"]["Problem"]["required"]) < set(
        Problem.__struct_fields__
    )
    for answer in document["components"]["responses"].values():
        schema = answer["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Problem"}
    for at, one in operations_in(document).items():
        refusals = {
            status: answer for status, answer in one["responses"].items() if status >= "400"
        }
        assert all("$ref" in answer for answer in refusals.values()), at
        assert "401" in refusals or not one["security"], at


def test_types_have_the_words_of_the_platform(document: dict[str, Any]) -> None:
    assert document["components"]["schemas"]["DataType"]["enum"] == sorted(DataType)
    assert msgspec.json.encode(document["info"]["version"]) == b'"1.0"'
