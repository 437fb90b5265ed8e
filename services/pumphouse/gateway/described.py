"""What each route says of itself, beside the code that serves it, for the document of the API."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

import msgspec

from pumphouse.errors import PumphouseError
from pumphouse.gateway.bodies import MULTIPART, URLENCODED
from pumphouse.gateway.file_answers import OCTETS

JSON = "application/json"

Bytes = Annotated[
    Any, msgspec.Meta(extra_json_schema={"type": "string", "contentMediaType": OCTETS})
]
"""The type of a body or a part that is a file."""

Content = Mapping[str, Any]
"""Types by media type."""

H = TypeVar("H", bound=Callable[..., Any])


@dataclass(frozen=True)
class Parameter:
    """A member of the query or of the path, by the name and type that clients see."""

    name: str
    description: str
    type: Any = str
    is_required: bool = False


@dataclass(frozen=True)
class Description:
    """answers: content by status, empty for an answer without a body.

    refusals: beyond those that every route of its kind can answer.
    opened_by: names of security schemes, any of which does; of public routes alone.
    """

    operation: str
    summary: str
    tag: str
    answers: Mapping[HTTPStatus, Content]
    body: Content
    is_body_required: bool
    path: tuple[Parameter, ...]
    query: tuple[Parameter, ...]
    refusals: tuple[type[PumphouseError], ...]
    opened_by: tuple[str, ...]
    details: str | None


def described(
    operation: str,
    summary: str,
    *,
    tag: str,
    answers: Any,
    body: Any = None,
    is_body_required: bool = True,
    path: tuple[Parameter, ...] = (),
    query: tuple[Parameter, ...] = (),
    refusals: tuple[type[PumphouseError], ...] = (),
    opened_by: tuple[str, ...] = (),
    details: str | None = None,
) -> Callable[[H], H]:
    """Describe the handler of a route.

    operation: its stable name, the SDK's where there is one. answers: the type of the JSON that
    200 has, or what each status answers: a type of JSON, types by media type, or None for no body.
    body: the type of the JSON that is sent, or types by media type.
    """
    by_status = answers if isinstance(answers, dict) else {HTTPStatus.OK: answers}
    description = Description(
        operation=operation,
        summary=summary,
        tag=tag,
        answers={HTTPStatus(status): _content(kind) for status, kind in by_status.items()},
        body=_content(body),
        is_body_required=is_body_required,
        path=path,
        query=query,
        refusals=refusals,
        opened_by=opened_by,
        details=details,
    )

    def mark(handler: H) -> H:
        handler.__dict__["description"] = description
        return handler

    return mark


def description_of(handler: Callable[..., Any]) -> Description | None:
    """What `described` noted of a handler."""
    found = getattr(handler, "description", None)
    return found if isinstance(found, Description) else None


def form(kind: Any) -> Content:
    """The content of a form of that type, however it is encoded."""
    return dict.fromkeys((URLENCODED, MULTIPART), kind)


def _content(kind: Any) -> Content:
    if kind is None:
        return {}
    return kind if isinstance(kind, dict) else {JSON: kind}
