# Generated from pumphouse/sdk/aio/bodies.py by `make sdk`: change that file instead.
"""Bodies of requests, read while they are sent. Iterated again, they are sent again."""

from collections.abc import Iterator

from pumphouse.sdk.forms import MultipartForm
from pumphouse.sdk.progress import Progress
from pumphouse.sdk.sources import Source
from pumphouse.sdk.sync.concurrency import off_the_loop

_PIECE_BYTES = 262_144


class FormBody:
    """A form on its way. bar: shows how much of its sources was read."""

    def __init__(self, form: MultipartForm, bar: Progress | None = None) -> None:
        self._form = form
        self._bar = bar

    def __iter__(self) -> Iterator[bytes]:
        if self._bar is not None:
            self._bar.reset()
        for piece in self._form.pieces():
            if isinstance(piece, bytes):
                yield piece
            else:
                yield from self._read(piece)

    def _read(self, source: Source) -> Iterator[bytes]:
        off_the_loop(source.rewind)
        while content := off_the_loop(source.read, _PIECE_BYTES):
            if self._bar is not None:
                self._bar.update(len(content))
            yield content


def sliced(content: bytes) -> Iterator[bytes]:
    """The content, which is let go with the last slice; a request may live on for a while."""
    for start in range(0, len(content), _PIECE_BYTES):
        yield content[start : start + _PIECE_BYTES]
