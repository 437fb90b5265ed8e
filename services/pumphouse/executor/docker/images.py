"""Images of pipelines: built once, when a pipeline is created, and found by their content."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from posixpath import normpath
from typing import Any

from pumphouse.contracts.catalog import Code
from pumphouse.errors import Unavailable
from pumphouse.executor.archives import Archives
from pumphouse.executor.commands import without_terminal_codes
from pumphouse.executor.docker.context import pack_context, tag_of
from pumphouse.executor.docker.engine import Engine, EngineRefused, Image
from pumphouse.executor.faults import BuildFailed, PlatformFault
from pumphouse.executor.logs import LineSplitter, Log
from pumphouse.executor.tool import Account
from pumphouse.executor.workspace import Workspace

LABEL = "pumphouse.image"
_FOLDER = "/app"
_SHELL = ["/bin/sh", "-c"]


@dataclass(frozen=True, slots=True)
class ReadyImage:
    tag: str
    image: Image


class Images:
    """Raises PlatformFault, and Unavailable when the engine or the store does not answer."""

    def __init__(
        self, engine: Engine, archives: Archives, workspace: Workspace, *, build_timeout_s: float
    ) -> None:
        self._engine = engine
        self._archives = archives
        self._workspace = workspace
        self._build_timeout_s = build_timeout_s
        self._rebuilding: dict[str, asyncio.Task[None]] = {}

    async def build(self, archive: str, dockerfile: str, log: Log) -> str:
        """The tag of what a Dockerfile makes of an archive. Raises BuildFailed as well."""
        with self._workspace.folder("image") as place:
            await self._archives.copy(archive, place / "code")
            context = place / "context.tar"
            try:
                digest = await asyncio.to_thread(pack_context, place / "code", context)
            except OSError as error:
                raise PlatformFault(f"The code {archive!r} cannot be packed: {error}") from error
            tag = tag_of(digest, dockerfile)
            try:
                if await self._engine.image(tag) is None:
                    await self._build(context, dockerfile, tag, log)
                if (image := await self._engine.image(tag)) is None:
                    raise Unavailable("The container engine was gone before the image was built.")
                if (fault := _fault(image)) is not None:
                    await self._engine.remove_image(tag)
                    raise BuildFailed(fault)
            except EngineRefused as error:
                if error.status == 0 or error.is_for_author:
                    raise BuildFailed(error.message) from error
                raise PlatformFault(f"The image {tag} is not had: {error.message}") from error
        if _program(image)[: len(_SHELL)] == _SHELL:
            log.note(
                "the inputs are arguments, which a shell does not hand on: write ENTRYPOINT or CMD"
                ' as a list, such as ENTRYPOINT ["python", "main.py"]'
            )
        log.note(f"the image is {tag}")
        return tag

    async def ready(self, code: Code) -> ReadyImage:
        """The image of a plan's code, built again when this engine does not have it."""
        assert code.image is not None
        if (image := await self._found(code.image)) is None:
            await self._rebuilt(code)
            image = await self._found(code.image)
        if image is None:
            raise PlatformFault(f"The image {code.image} is not what its code makes now.")
        return ReadyImage(code.image, image)

    async def _found(self, tag: str) -> Image | None:
        try:
            return await self._engine.image(tag)
        except EngineRefused as error:
            raise PlatformFault(f"The image {tag} cannot be looked up: {error.message}") from error

    async def _rebuilt(self, code: Code) -> None:
        tag = code.image
        assert tag is not None
        if (task := self._rebuilding.get(tag)) is None:
            task = self._rebuilding[tag] = asyncio.create_task(self._rebuild(code))
            task.add_done_callback(lambda _: self._rebuilding.pop(tag))
        await asyncio.shield(task)

    async def _rebuild(self, code: Code) -> None:
        assert code.dockerfile is not None
        log = Log()
        try:
            async with asyncio.timeout(self._build_timeout_s):
                await self.build(code.archive, code.dockerfile, log)
        except (BuildFailed, TimeoutError) as error:
            said = "\n".join(line.text for line in log.lines[-30:])
            raise PlatformFault(
                f"The image {code.image} cannot be built again: {error}\n{said}"
            ) from error

    async def _build(self, context: Path, dockerfile: str, tag: str, log: Log) -> None:
        account = Account(log, {})
        lines = LineSplitter(lambda line, cut: account.take(without_terminal_codes(line), cut))
        labels = {LABEL: tag.partition(":")[2]}
        try:
            async with aclosing(self._engine.build(context, dockerfile, tag, labels)) as said:
                async for piece in said:
                    lines.feed(_text(piece).encode())
        finally:
            lines.flush()


def _text(piece: dict[str, Any]) -> str:
    """Of what the engine says: the words, without the progress of every layer."""
    if (text := piece.get("stream")) is not None:
        return str(text)
    if (status := piece.get("status")) is None or piece.get("progressDetail"):
        return ""
    of = f"{piece['id']}: " if piece.get("id") else ""
    return f"{of}{status}\n"


def _fault(image: Image) -> str | None:
    """Why an image cannot do what a pipeline's container does."""
    if normpath(image.folder) != _FOLDER:
        return (
            f"The last WORKDIR of the Dockerfile must be {_FOLDER}, where the outputs are left; it"
            f" is {image.folder}."
        )
    if not _program(image):
        return (
            "The Dockerfile says nothing to run: end it with a line such as"
            ' ENTRYPOINT ["python", "main.py"].'
        )
    return None


def _program(image: Image) -> list[str]:
    return [*image.entrypoint, *image.command]
