"""Multipart forms, read while they arrive."""

import logging
import re
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import unquote

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from pumphouse.errors import Invalid

MAX_PARTS = 1_000

_PARAMETER = re.compile(r';\s*([\w!#$&+\-.^`|~*]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))')
_ESCAPED = re.compile(r'\\(["\\])')
_UTF_8 = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})

logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it warns of what senders do wrong


@dataclass(frozen=True)
class Part:
    """What a part says about itself.

    file_name: None when it gives none, as opposed to an empty one. is_text: its bytes are those of
    a field, in UTF-8. encoding: another one, when the part says that its text is in that.
    """

    name: str
    file_name: str | None
    is_text: bool
    encoding: str | None


class MultipartReader:
    """The parts of a form in their order. Holds no more of it than the chunk that came last."""

    def __init__(self, chunks: AsyncIterator[bytes], boundary: str | None) -> None:
        """chunks: the body of the request. Raises Invalid without a boundary that can be used."""
        self._chunks = chunks
        self._events: deque[Part | bytes | None] = deque()
        self._headers: list[tuple[bytearray, bytearray]] = []
        self._count = 0
        self._has_begun = self._has_ended = False
        try:
            self._parser = MultipartParser(
                (boundary or "").encode("ascii"),
                {
                    "on_part_begin": self._begin,
                    "on_header_begin": self._begin_header,
                    "on_header_field": self._take_header_name,
                    "on_header_value": self._take_header_value,
                    "on_headers_finished": self._end_headers,
                    "on_part_data": self._take_data,
                    "on_part_end": lambda: self._events.append(None),
                    "on_end": self._end,
                },
            )
        except (UnicodeEncodeError, FormParserError) as error:
            raise Invalid("The boundary of the multipart form cannot be used.") from error
        if not boundary:
            raise Invalid("The multipart form has no boundary in its Content-Type.")

    async def parts(self) -> AsyncIterator[Part]:
        """Each part; what has not been read of the one before is skipped.

        An empty body has none. Raises Invalid for a body that is no form, or half of one.
        """
        while await self._is_filled():
            event = self._events.popleft()
            if isinstance(event, Part):
                yield event

    async def has_content(self) -> bool:
        """Whether the part that was given last has any bytes left."""
        return await self._is_filled() and self._events[0] is not None

    async def content(self) -> AsyncIterator[bytes]:
        """The bytes of the part that was given last. Raises Invalid when they break off."""
        while await self._is_filled():
            event = self._events.popleft()
            if not isinstance(event, bytes):
                return
            yield event

    async def _is_filled(self) -> bool:
        """Read until there is an event; whether there is one."""
        while not self._events:
            chunk = await anext(self._chunks, None)
            if chunk is None:
                break
            self._has_begun = self._has_begun or bool(chunk)
            try:
                self._parser.write(chunk)
            except FormParserError as error:
                raise Invalid("The multipart form cannot be read: its parts are broken.") from error
        if not self._events and self._has_begun and not self._has_ended:
            raise Invalid("The multipart form breaks off: its closing boundary is missing.")
        return bool(self._events)

    def _begin(self) -> None:
        self._count += 1
        if self._count > MAX_PARTS:
            raise Invalid(f"The multipart form has more than {MAX_PARTS:,} parts.")
        self._headers = []

    def _begin_header(self) -> None:
        self._headers.append((bytearray(), bytearray()))

    def _take_header_name(self, data: bytes, start: int, end: int) -> None:
        self._headers[-1][0].extend(data[start:end])

    def _take_header_value(self, data: bytes, start: int, end: int) -> None:
        self._headers[-1][1].extend(data[start:end])

    def _end_headers(self) -> None:
        self._events.append(_part(self._headers))

    def _take_data(self, data: bytes, start: int, end: int) -> None:
        self._events.append(data[start:end])

    def _end(self) -> None:
        self._has_ended = True


def parameters(header: str) -> dict[str, str]:
    """The parameters of a Content-Disposition or Content-Type, their names in lower case.

    Quotes and escapes are undone in each of the ways that clients have for them.
    """
    plain: dict[str, str] = {}
    extended: dict[str, str] = {}
    for match in _PARAMETER.finditer(header):
        name, quoted, token = match.groups()
        text = token if quoted is None else _ESCAPED.sub(r"\1", quoted)
        if name.endswith("*"):
            charset, _, rest = text.partition("'")
            if charset.lower() in _UTF_8:
                extended[name[:-1].lower()] = unquote(rest.partition("'")[2])
        else:
            plain[name.lower()] = text.replace("%22", '"')
    return plain | extended


def _part(headers: list[tuple[bytearray, bytearray]]) -> Part:
    found = {name.decode().lower(): value.decode(errors="replace") for name, value in headers}
    disposition = parameters(found.get("content-disposition", ""))
    if "name" not in disposition:
        raise Invalid("A part of the multipart form has no name in its Content-Disposition.")
    content_type = found.get("content-type", "")
    file_name = disposition.get("filename")
    is_binary = content_type.partition(";")[0].strip().lower() == "application/octet-stream"
    charset = parameters(content_type).get("charset", "utf-8")
    return Part(
        name=disposition["name"],
        file_name=file_name,
        is_text=file_name is None and not is_binary,
        encoding=None if charset.lower() in _UTF_8 else charset,
    )
