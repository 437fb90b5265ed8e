"""What a container has left in its files: values as JSON, and files as they are."""

import asyncio
import io
import shutil
import tarfile
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec

from pumphouse.contracts.vocabulary import Status
from pumphouse.executor.docker.engine import Engine, Entry
from pumphouse.executor.endings import Ending
from pumphouse.executor.faults import PlatformFault, UnusableOutput
from pumphouse.executor.output_files import Snapshot
from pumphouse.executor.work import Work
from pumphouse.mapping import clean_file_name

VALUES_LIMIT = 8 << 20
"""Of all values of one execution, in bytes of JSON, as for a function."""

_DEEPEST = 200
_NOTHING = msgspec.Raw(b"null")


def path_of(output: str) -> str:
    """Where a container leaves an output."""
    return f"/app/output-{output}"


class LeftOutputs:
    """Of one container that has ended."""

    def __init__(self, engine: Engine, container: str) -> None:
        self._engine = engine
        self._container = container

    async def take(self, work: Work) -> Ending:
        """All that is declared. Raises UnusableOutput, EngineRefused, PlatformFault, Unavailable.

        An output that nobody takes need not be there if it is a file.
        """
        outputs = dict.fromkeys(work.job.outputs, _NOTHING)
        files: dict[str, Snapshot] = {}
        size = 0
        for position, name in enumerate(work.job.outputs):
            if name in work.job.files:
                files[name] = await self._file(name, work.outbox / str(position))
            elif name not in work.job.unused:
                outputs[name] = await self._value(name, VALUES_LIMIT - size)
                size += len(outputs[name])
        return Ending(Status.SUCCEEDED, outputs=outputs, files=files)

    async def _value(self, name: str, room: int) -> msgspec.Raw:
        entry = await self._entry(name)
        if entry.size > room:
            size = VALUES_LIMIT - room + entry.size
            raise UnusableOutput(
                f"The outputs are too large: {size / (1 << 20):.1f} MB of JSON,"
                f" where {VALUES_LIMIT >> 20} MB is the limit."
            )
        async with aclosing(self._engine.archive(self._container, path_of(name))) as pieces:
            packed = b"".join([piece async for piece in pieces])
        return await asyncio.to_thread(_json, packed, name)

    async def _file(self, name: str, target: Path) -> Snapshot:
        entry = await self._entry(name)
        spool = target.with_name(f"{target.name}.tar")
        try:
            target.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
            if 2 * entry.size > shutil.disk_usage(target.parent).free:
                raise PlatformFault(f"A file of {entry.size} bytes has no room in {target.parent}.")
            with spool.open("wb") as file:
                async with aclosing(self._engine.archive(self._container, path_of(name))) as pieces:
                    async for piece in pieces:
                        await asyncio.to_thread(file.write, piece)
            await asyncio.to_thread(_unpack, spool, target)
            spool.unlink()
        except (OSError, tarfile.TarError) as error:
            raise PlatformFault(f"The file of the output {name!r} is not had: {error}") from error
        return Snapshot(target, entry.size, clean_file_name(name))

    async def _entry(self, name: str) -> Entry:
        path = path_of(name)
        entry = await self._engine.entry(self._container, path)
        if entry is None:
            raise UnusableOutput(
                f"The container ended without the file {path}, which is the declared output"
                f" {name!r}."
            )
        if entry.kind is not None:
            raise UnusableOutput(
                f"The output {name!r} is {path}, which is {entry.kind} and no regular file."
            )
        return entry


def _unpack(spool: Path, target: Path) -> None:
    with tarfile.open(spool, mode="r:") as archive, target.open("xb") as file:
        shutil.copyfileobj(_first(archive), file)


def _first(archive: tarfile.TarFile) -> Any:
    """The content of the one file in it. Raises TarError."""
    member = archive.next()
    content = None if member is None else archive.extractfile(member)
    if content is None:
        raise tarfile.TarError("the engine sent no file")
    return content


def _json(packed: bytes, name: str) -> msgspec.Raw:
    """The JSON of a value in a tar of its file. Raises UnusableOutput for anything else."""
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:") as archive:
            encoded: bytes = _first(archive).read()
    except tarfile.TarError as error:
        raise PlatformFault(f"The output {name!r} is not had: {error}") from error
    try:
        value = msgspec.json.decode(encoded)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnusableOutput(
            f"The file {path_of(name)} of the output {name!r} is not JSON: {error}."
        ) from error
    except RecursionError:
        value = None
        is_too_deep = True
    else:
        is_too_deep = _is_deeper(value, _DEEPEST)
    if is_too_deep:
        raise UnusableOutput(f"The output {name!r} nests deeper than {_DEEPEST} levels.")
    return msgspec.Raw(encoded)


def _is_deeper(value: Any, levels: int) -> bool:
    layer = [value]
    for _ in range(levels + 1):
        layer = [
            inner
            for outer in layer
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not layer:
            return False
    return True
