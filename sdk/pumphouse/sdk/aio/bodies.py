"""Bodies of requests, read while they are sent. Iterated again, they are sent again."""

from collections.abc import AsyncIterator

from pumphouse.sdk.aio.concurrency import off_the_loop
from pumphouse.sdk.forms import MultipartForm
from pumphouse.sdk.progress import Progress
from pumphouse.sdk.sources import Source

_PIECE_BYTES = 262_144


class FormBody:
    """A form on its way. bar: shows how much of its sources was read."""

    def __init__(self, form: MultipartForm, bar: Progress | None = None) -> None:
        self._form = form
        self._bar = bar

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._bar is not None:
            self._bar.reset()
        for piece in self._form.pieces():
            if isinstance(piece, bytes):
                yield piece
            else:
                async for content in self._read(piece):
                    yield content

    async def _read(self, source: Source) -> AsyncIterator[bytes]:
        await off_the_loop(source.rewind)
        while content := await off_the_loop(source.read, _PIECE_BYTES):
            if self._bar is not None:
                self._bar.update(len(content))
            yield content


async def sliced(content: bytes) -> AsyncIterator[bytes]:
    """The content, which is let go with the last slice; a request may live on for a while."""
    for start in range(0, len(content), _PIECE_BYTES):
        yield content[start : start + _PIECE_BYTES]
