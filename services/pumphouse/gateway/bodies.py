"""Reading the bodies of requests, in the encodings that clients use."""

from typing import Any, TypeVar
from urllib.parse import parse_qsl

from litestar import Request
from litestar.datastructures import UploadFile
from litestar.exceptions import HTTPException

from pumphouse.errors import Invalid
from pumphouse.gateway.documents import read_as

MAX_FIELDS = 5_000

ApiRequest = Request[Any, Any, Any]
T = TypeVar("T")

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


async def read_body_as(kind: type[T], request: ApiRequest) -> T:
    """The JSON body as a `kind`; an empty body is an empty object. Raises Invalid."""
    return read_as(kind, await request.body() or b"{}", "The body")


async def read_fields(request: ApiRequest) -> list[tuple[str, str | UploadFile]]:
    """The fields of a form in their order, whichever way it is encoded. Raises Invalid."""
    content_type, _ = request.content_type
    if content_type == MULTIPART:
        return await _multipart_fields(request)
    if content_type == URLENCODED:
        return list(urlencoded_fields(await request.body()))
    raise Invalid(f"Send a form: {MULTIPART} or {URLENCODED}.")


def only_texts(fields: list[tuple[str, str | UploadFile]]) -> list[tuple[str, str]]:
    """The fields, none of them a file. Raises Invalid for one that is."""
    for name, field in fields:
        if isinstance(field, UploadFile):
            raise Invalid(f"{name[:200]!r} is a file: send it as text.")
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


def urlencoded_fields(body: bytes) -> list[tuple[str, str]]:
    """The fields of a form without files, in their order. Raises Invalid."""
    try:
        return parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except UnicodeError as error:
        raise Invalid("The form is not UTF-8.") from error
    except ValueError as error:
        raise Invalid(f"The form has more than {MAX_FIELDS:,} fields.") from error
