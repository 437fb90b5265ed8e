"""Sending an object to the data store: a small one whole, another in parts."""

import io
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Any

from pumphouse.sdk.encoding import given, to_json
from pumphouse.sdk.errors import InvalidParameters
from pumphouse.sdk.parts import Part, parts_of, sizes_of_parts
from pumphouse.sdk.progress import Progress
from pumphouse.sdk.sources import Source
from pumphouse.sdk.store import persistently
from pumphouse.sdk.transport import Transport

THRESHOLD_BYTES = 100_000_000
"""From here an object is sent in parts; CRAFT_AI__MULTIPART_THRESHOLD__B changes it."""

PART_BYTES = 9_961_472
"""Of a part, unless there would be too many; CRAFT_AI__MULTIPART_PART_SIZE__B changes it."""

PARTS_AT_ONCE = 4


@dataclass(frozen=True)
class Upload:
    """An object on its way to `path` in the data store."""

    transport: Transport
    path: str

    def send(self, source: Source) -> None:
        """Make the object visible when all of it has arrived. Raises SdkError."""
        least = _from_environment("CRAFT_AI__MULTIPART_PART_SIZE__B", PART_BYTES)
        threshold = _from_environment("CRAFT_AI__MULTIPART_THRESHOLD__B", THRESHOLD_BYTES)
        with self.transport.store.bar(self.path, source.size) as bar:
            if source.size and source.size < threshold:
                self._send_whole(source, bar)
                return
            parts = parts_of(source, sizes_of_parts(least, source.size or None))
            first = next(parts)
            if first.total is None:
                self._send_parts(chain([first], parts), bar)
            else:
                self._send_whole(Source(io.BytesIO(first.content), self.path, source.name), bar)

    def _send_whole(self, source: Source, bar: Progress) -> None:
        form = self.transport.call(
            "GET", "data-store", "upload", query={"path_to_object": self.path}
        )
        self.transport.store.post(form["signed_url"], form["fields"], source, bar)

    def _send_parts(self, parts: Iterator[Part], bar: Progress) -> None:
        configuration = self._call("multipart", {})
        upload = {"multipart_upload_configuration": configuration}

        sent = []
        for part, size in _a_few_at_once(
            lambda part: persistently(lambda: self._send_part(part, upload)), parts
        ):
            sent.append(part)
            bar.update(size)
        self._call("multipart/end", {**upload, "parts": sent})

    def _send_part(self, part: Part, upload: dict[str, Any]) -> dict[str, Any]:
        asked = given({"chunk_size": part.size, "part_number": part.number, "size": part.total})
        link = self._call("multipart/part", upload | asked)
        etag = self.transport.store.put(link["signed_url"], link["headers"], part.content)
        return given({"number": part.number, "metadata": etag})

    def _call(self, step: str, more: dict[str, Any]) -> Any:
        body = to_json({"path_to_object": self.path, **more}, "'object_path_in_datastore'")
        return self.transport.call("POST", "data-store", "upload", *step.split("/"), body=body)


def _a_few_at_once(
    send: Callable[[Part], dict[str, Any]], parts: Iterator[Part]
) -> Iterator[tuple[dict[str, Any], int]]:
    """What sending each part gave, with its size, in their order. The first error ends it."""
    running: deque[tuple[Future[dict[str, Any]], int]] = deque()
    with ThreadPoolExecutor(PARTS_AT_ONCE, "upload") as pool:
        try:
            for part in parts:
                if len(running) == PARTS_AT_ONCE:
                    yield _first(running)
                running.append((pool.submit(send, part), len(part.content)))
            while running:
                yield _first(running)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _first(running: deque[tuple[Future[dict[str, Any]], int]]) -> tuple[dict[str, Any], int]:
    future, size = running.popleft()
    return future.result(), size


def _from_environment(variable: str, default: int) -> int:
    text = os.environ.get(variable, "")
    try:
        size = int(text) if text else default
    except ValueError:
        size = 0
    if size < 1:
        raise InvalidParameters(f"The environment variable {variable} must be a number of bytes.")
    return size
