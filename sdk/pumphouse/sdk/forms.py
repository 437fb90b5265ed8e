"""Fields and files as one multipart/form-data body."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pumphouse.sdk.sources import Source

Fields = Mapping[str, str]
Files = Mapping[str, tuple[str, bytes | Source, str]]
"""File name, content and content type by field."""

_QUOTED = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


@dataclass(frozen=True)
class MultipartForm:
    """Its pieces in their order; the sources among them are to be read from their beginning."""

    fields: Fields
    files: Files
    boundary: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def content_type(self) -> str:
        return f"multipart/form-data; boundary={self.boundary}"

    @property
    def length(self) -> int | None:
        """In bytes, None if only reading the sources tells."""
        total = 0
        for piece in self.pieces():
            size = len(piece) if isinstance(piece, bytes) else piece.size
            if size is None:
                return None
            total += size
        return total

    def pieces(self) -> Iterator[bytes | Source]:
        for name, text in self.fields.items():
            yield self._head(name)
            yield text.encode() + b"\r\n"
        for name, (file_name, content, content_type) in self.files.items():
            yield self._head(name, file_name, content_type)
            yield content
            yield b"\r\n"
        yield f"--{self.boundary}--\r\n".encode()

    def _head(self, name: str, file_name: str | None = None, content_type: str = "") -> bytes:
        head = f'--{self.boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"'
        if file_name is not None:
            head += f'; filename="{_quoted(file_name)}"\r\nContent-Type: {content_type}'
        return f"{head}\r\n\r\n".encode(errors="replace")


def _quoted(name: str) -> str:
    return name.translate(_QUOTED)
