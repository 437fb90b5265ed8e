"""Reading the bodies of requests, in the encodings that clients use."""

from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from litestar import Request
from litestar.datastructures import UploadFile
from litestar.exceptions import HTTPException

from pumphouse.contracts.vocabulary import DataType
from pumphouse.errors import Invalid, NotSupported
from pumphouse.gateway.documents import read_as, read_json

MAX_FIELDS = 5_000

ApiRequest = Request[Any, Any, Any]
T = TypeVar("T")

_URLENCODED = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"


async def read_body_as(kind: type[T], request: ApiRequest) -> T:
    """The JSON body as a `kind`; an empty body is an empty object. Raises Invalid."""
    return read_as(kind, await request.body() or b"{}", "The body")


async def read_fields(request: ApiRequest) -> list[tuple[str, str | UploadFile]]:
    """The fields of a form in their order, whichever way it is encoded. Raises Invalid."""
    content_type, _ = request.content_type
    if content_type == _MULTIPART:
        return await _multipart_fields(request)
    if content_type == _URLENCODED:
        return list(_urlencoded_fields(await request.body()))
    raise Invalid(f"Send a form: {_MULTIPART} or {_URLENCODED}.")


async def read_inputs(request: ApiRequest, types: Mapping[str, DataType]) -> dict[str, Any]:
    """The values that a caller gives an endpoint.

    They are the members of a JSON object, or the fields of a form, each the JSON of its value or
    else plain text. No body and `null` give none. types: of the inputs, by the caller's names.
    """
    content_type, _ = request.content_type
    if content_type == _MULTIPART:
        return _values(await _multipart_fields(request), types)
    body = await request.body()
    if not body or body.isspace():
        return {}
    if content_type == _URLENCODED and not _looks_like_json(body):
        return _values(_urlencoded_fields(body), types)
    value = read_json(body, "The body")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Invalid("The body must be a JSON object with the inputs as members.")
    return value


def only_texts(fields: list[tuple[str, str | UploadFile]]) -> list[tuple[str, str]]:
    """The fields, none of them a file. Raises NotSupported for one that is."""
    for name, field in fields:
        if isinstance(field, UploadFile):
            raise NotSupported(
                f"{name!r} is a file: this installation does not have inputs of type file yet."
            )
    return [(name, field) for name, field in fields if isinstance(field, str)]


def only_once(fields: list[tuple[str, str]]) -> dict[str, str]:
    """The fields by name. Raises Invalid when one is there more than once."""
    found: dict[str, str] = {}
    for name, text in fields:
        if name in found:
            raise Invalid(f"The form field {name[:200]!r} is given more than once.")
        found[name] = text
    return found


async def _multipart_fields(request: ApiRequest) -> list[tuple[str, str | UploadFile]]:
    try:
        form = await request.form()
    except HTTPException:
        raise
    except (UnicodeError, LookupError, ValueError, AssertionError) as error:
        raise Invalid("The multipart form cannot be read: its parts must be UTF-8.") from error
    return [(str(name), field) for name, field in form.multi_items()]


def _urlencoded_fields(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except UnicodeError as error:
        raise Invalid("The form is not UTF-8.") from error
    except ValueError as error:
        raise Invalid(f"The form has more than {MAX_FIELDS:,} fields.") from error


def _looks_like_json(body: bytes) -> bool:
    """curl sends JSON with the content type of a form unless it is told otherwise."""
    start = body.lstrip()
    return start[:1] in b'{["' or start.rstrip() == b"null"


def _values(
    fields: list[tuple[str, str | UploadFile]] | list[tuple[str, str]],
    types: Mapping[str, DataType],
) -> dict[str, Any]:
    texts = only_once(only_texts([(name, field) for name, field in fields]))
    return {name: _value(name, text, types.get(name)) for name, text in texts.items()}


def _value(name: str, text: str, data_type: DataType | None) -> Any:
    try:
        value = read_json(text, f"The field {name!r}")
    except Invalid:
        return text
    return text if data_type is DataType.STRING and not isinstance(value, str) else value
