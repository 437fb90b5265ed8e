"""Reading what a caller gives an execution: values as they are, files straight into the store."""

from collections.abc import Mapping
from typing import Any

from pumphouse.contracts.vocabulary import DataType
from pumphouse.errors import Invalid, TooLarge
from pumphouse.gateway.bodies import (
    MULTIPART,
    URLENCODED,
    ApiRequest,
    only_once,
    urlencoded_fields,
)
from pumphouse.gateway.documents import read_json
from pumphouse.gateway.file_answers import OCTETS
from pumphouse.gateway.given_files import Intake
from pumphouse.gateway.given_forms import Run
from pumphouse.gateway.multiparts import MultipartReader, Part, parameters

MAX_TEXT_BYTES = 1024 * 1024
"""Of all that is not a file in one request. Files may be of any size."""

RUN_FIELDS = Run.__struct_fields__

Types = Mapping[str, DataType]


async def read_call(request: ApiRequest, types: Types, intake: Intake) -> dict[str, Any]:
    """The values that a caller gives an endpoint; `intake` takes the file, of which it has one.

    Values are the members of a JSON object, or the fields of a form, each the JSON of its value or
    else plain text. No body and `null` give none. The body may be the file itself.
    types: of the inputs, by the caller's names; what has none is ignored.
    Raises Invalid, TooLarge, and Unavailable while the store is down.
    """
    content_type, options = request.content_type
    if content_type == MULTIPART:
        form = _Form(types, intake)
        return _values(await form.read(request, options.get("boundary")), types)
    if content_type == OCTETS and DataType.FILE in types.values():
        name = next(name for name, data_type in types.items() if data_type is DataType.FILE)
        await intake.take(name, _file_name(request), request.stream())
        return {}
    body = await _small_body(request)
    if not body or body.isspace():
        return {}
    if content_type == URLENCODED and not _looks_like_json(body):
        return _values(only_once(urlencoded_fields(body)), types)
    value = read_json(body, "The body")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Invalid("The body must be a JSON object with the inputs as members.")
    return value


async def read_run(request: ApiRequest, types: Types, intake: Intake) -> dict[str, str]:
    """Those of RUN_FIELDS that a form has; `intake` takes the files, named after inputs.

    types: of the inputs of the pipeline. Raises as read_call does.
    """
    content_type, options = request.content_type
    if content_type == MULTIPART:
        known = dict.fromkeys(RUN_FIELDS, DataType.STRING) | dict(types)
        form = _Form(known, intake)
        fields = await form.read(request, options.get("boundary"))
    elif content_type == URLENCODED:
        fields = only_once(urlencoded_fields(await _small_body(request)))
    else:
        raise Invalid(f"Send a form: {MULTIPART} or {URLENCODED}.")
    for name in fields.keys() - set(RUN_FIELDS):
        if types.get(name) is DataType.FILE:
            raise Invalid(f"Input {name!r} is a file: send it as a file, with a file name.")
    return {name: fields[name] for name in RUN_FIELDS if name in fields}


class _Form:
    """A multipart form on its way. Its names are not counted: the parser limits them."""

    def __init__(self, types: Types, intake: Intake) -> None:
        self._types = types
        self._intake = intake
        self._bytes_left = MAX_TEXT_BYTES

    async def read(self, request: ApiRequest, boundary: str | None) -> dict[str, str]:
        """The text fields."""
        reader = MultipartReader(request.stream(), boundary)
        texts: list[tuple[str, str]] = []
        async for part in reader.parts():
            if part.is_text:
                texts.append((part.name, await self._text(reader, part)))
            elif part.file_name != "" or await reader.has_content():
                await self._take(reader, part)
        return only_once(texts)

    async def _text(self, reader: MultipartReader, part: Part) -> str:
        text = bytearray()
        async for chunk in reader.content():
            text += chunk
            self._bytes_left -= len(chunk)
            if self._bytes_left < 0:
                raise _too_large()
        if part.encoding is not None:
            raise Invalid(f"The form field {part.name[:200]!r} must be in UTF-8.")
        try:
            return text.decode()
        except UnicodeDecodeError as error:
            raise Invalid(f"The form field {part.name[:200]!r} is not UTF-8.") from error

    async def _take(self, reader: MultipartReader, part: Part) -> None:
        """Store a file that is asked for, and refuse one in the place of a value."""
        match self._types.get(part.name):
            case DataType.FILE:
                await self._intake.take(part.name, part.file_name, reader.content())
            case None:
                pass
            case data_type:
                raise Invalid(f"{part.name!r} is of type {data_type}: send a value, not a file.")


async def _small_body(request: ApiRequest) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_TEXT_BYTES:
            raise _too_large()
    return bytes(body)


def _too_large() -> TooLarge:
    return TooLarge(
        f"The values are more than {MAX_TEXT_BYTES // 1024**2} MiB together: only a file part of a"
        " form may be larger."
    )


def _file_name(request: ApiRequest) -> str | None:
    """What the headers or the query call a file that is the whole body."""
    named = parameters(request.headers.get("content-disposition", "")).get("filename")
    return named or request.query_params.get("filename")


def _looks_like_json(body: bytes) -> bool:
    """curl sends JSON with the content type of a form unless it is told otherwise."""
    start = body.lstrip()
    return start[:1] in b'{["' or start.rstrip() == b"null"


def _values(fields: dict[str, str], types: Types) -> dict[str, Any]:
    return {name: _value(name, text, types.get(name)) for name, text in fields.items()}


def _value(name: str, text: str, data_type: DataType | None) -> Any:
    try:
        value = read_json(text, f"The field {name!r}")
    except Invalid:
        return text
    return text if data_type is DataType.STRING and not isinstance(value, str) else value
