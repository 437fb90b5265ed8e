"""The document of the API, OpenAPI 3.1, made of what the routes say of themselves."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler

from pumphouse.errors import (
    Forbidden,
    Invalid,
    NotFound,
    PumphouseError,
    TooLarge,
    Unauthorized,
    Unavailable,
)
from pumphouse.gateway.described import JSON, Content, Description, Parameter, description_of
from pumphouse.gateway.problems import STATUS, Problem

API_VERSION = "1.0"
API_PREFIX = "/api/v1"

ACCESS_TOKEN = "accessToken"  # noqa: S105 the name of a scheme
ENDPOINT_TOKEN = "endpointToken"  # noqa: S105 the name of a scheme
TOKEN_IN_QUERY = "tokenInQuery"  # noqa: S105 the name of a scheme

_SCHEMES: dict[str, dict[str, str]] = {
    ACCESS_TOKEN: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "POST /api/v1/auth/refresh gives one for an SDK token.",
    },
    ENDPOINT_TOKEN: {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`EndpointToken `, followed by the token of the endpoint.",
    },
    TOKEN_IN_QUERY: {
        "type": "apiKey",
        "in": "query",
        "name": "token",
        "description": "The token of the endpoint, or the ticket that an answer has given.",
    },
}

_MEANINGS: dict[type[PumphouseError], str] = {
    Invalid: "What was sent cannot be used; the message names what to change.",
    Unauthorized: "There are no credentials, or wrong ones.",
    Forbidden: "The credentials are right, and do not allow this.",
    NotFound: "There is no such thing.",
    TooLarge: "The body is larger than this address takes.",
    Unavailable: "A server that this needs does not answer now; the same request may work later.",
}

_INFO = {
    "title": "Pumphouse",
    "version": API_VERSION,
    "summary": "Runs and serves Python functions.",
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
}

_PLACE = re.compile(r"\{(\w+):\w+\}")


@dataclass(frozen=True)
class Operation:
    """A method at an address, and what opens it."""

    path: str
    method: str
    description: Description
    opened_by: tuple[str, ...]


def operations(
    public: Iterable[HTTPRouteHandler], private: Iterable[HTTPRouteHandler]
) -> list[Operation]:
    """All that routes in the document serve, in the order of addresses and methods.

    private: those below API_PREFIX, for users. Raises LookupError for one without a description.
    """
    found = [
        *(item for handler in public for item in _served(handler, "", None)),
        *(item for handler in private for item in _served(handler, API_PREFIX, ACCESS_TOKEN)),
    ]
    return sorted(found, key=lambda item: (item.path, item.method))


def openapi(found: Iterable[Operation]) -> dict[str, Any]:
    """The document."""
    types = _Types()
    paths: dict[str, dict[str, Any]] = {}
    refusals: dict[str, type[PumphouseError]] = {}
    for item in found:
        refused = {error.code: error for error in _refusals(item)}
        refusals |= refused
        shown = _shown(item, types, refused)
        paths.setdefault(item.path, {})[item.method] = shown
    problem = types.schema(Problem)
    responses = {
        code: {
            "description": _MEANINGS.get(error) or (error.__doc__ or code).strip(),
            "content": {JSON: {"schema": problem}},
        }
        for code, error in sorted(refusals.items())
    }
    return {
        "openapi": "3.1.0",
        "info": _INFO,
        "paths": paths,
        "components": {
            "schemas": types.components,
            "responses": responses,
            "securitySchemes": _SCHEMES,
        },
    }


class _Types:
    """The schemas of types, by the library that reads and writes them."""

    def __init__(self) -> None:
        self._components: dict[str, Any] = {}

    def schema(self, kind: Any) -> dict[str, Any]:
        """What is put in the place of a type."""
        (schema,), components = msgspec.json.schema_components(
            [kind], ref_template="#/components/schemas/{name}"
        )
        for name, component in components.items():
            if self._components.setdefault(name, component) != component:
                raise LookupError(f"Two types are called {name}: call one of them otherwise.")
        return schema

    @property
    def components(self) -> dict[str, Any]:
        return dict(sorted(self._components.items()))


def _served(handler: HTTPRouteHandler, prefix: str, opened_by: str | None) -> Iterator[Operation]:
    if handler.include_in_schema is False:
        return
    description = description_of(handler.fn)
    if description is None:
        raise LookupError(f"{handler.fn} has no description: put @described(…) on it.")
    for path in handler.paths:
        for method in handler.http_methods - {"HEAD", "OPTIONS"}:
            yield Operation(
                path=prefix + _PLACE.sub(r"{\1}", path),
                method=method.lower(),
                description=description,
                opened_by=description.opened_by if opened_by is None else (opened_by,),
            )


def _refusals(item: Operation) -> list[type[PumphouseError]]:
    description = item.description
    found: list[type[PumphouseError]] = [Invalid, Unavailable, *description.refusals]
    if item.opened_by:
        found.append(Unauthorized)
    if ACCESS_TOKEN in item.opened_by:
        found.append(Forbidden)
    if description.path:
        found.append(NotFound)
    if description.body:
        found.append(TooLarge)
    return found


def _shown(
    item: Operation, types: _Types, refused: Mapping[str, type[PumphouseError]]
) -> dict[str, Any]:
    description = item.description
    answers = {
        status: _answer(status, content, types) for status, content in description.answers.items()
    }
    problems = {
        STATUS[error]: {"$ref": f"#/components/responses/{code}"} for code, error in refused.items()
    }
    shown: dict[str, Any] = {
        "operationId": description.operation,
        "summary": description.summary,
        "description": description.details,
        "tags": [description.tag],
        "parameters": [
            *(_parameter(one, "path", types) for one in description.path),
            *(_parameter(one, "query", types) for one in description.query),
        ],
        "requestBody": {
            "required": description.is_body_required,
            "content": _content(description.body, types),
        }
        if description.body
        else None,
        "responses": {str(int(key)): value for key, value in sorted((answers | problems).items())},
        "security": [{scheme: []} for scheme in item.opened_by],
    }
    return {key: value for key, value in shown.items() if value is not None}


def _answer(status: HTTPStatus, content: Content, types: _Types) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": status.phrase}
    if content:
        answer["content"] = _content(content, types)
    if 300 <= status < 400:
        address = {"required": True, "schema": {"type": "string", "format": "uri-reference"}}
        answer["headers"] = {"Location": address}
    return answer


def _content(content: Content, types: _Types) -> dict[str, Any]:
    return {media_type: {"schema": types.schema(kind)} for media_type, kind in content.items()}


def _parameter(parameter: Parameter, place: str, types: _Types) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": place,
        "required": place == "path" or parameter.is_required,
        "description": parameter.description,
        "schema": types.schema(parameter.type),
    }
