"""The container engine behind its HTTP API."""

import json
from base64 import b64decode
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiodocker import Docker, DockerError

from pumphouse.errors import Invalid, PumphouseError, Unavailable

_UNIX = "unix://"
_CONNECT_S = 10.0
_CHUNK = 256 << 10
_AUTHORS_WORDS = ("unable to find user", "unable to find group")
"""Of the USER of an image, for which Docker answers 500."""

_UNREACHABLE = 900
"""What the library calls the status of an engine that it cannot connect to."""


class EngineRefused(PumphouseError):
    """The engine does not do it; the message is its own. status: of HTTP, 0 in mid-stream."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status

    @property
    def is_for_author(self) -> bool:
        """Whether what was asked for is at fault, rather than the engine or its host."""
        return 400 <= self.status < 500 or self.message.startswith(_AUTHORS_WORDS)


@dataclass(frozen=True, slots=True)
class Image:
    """What an image says of its containers; the lists are empty where it says nothing."""

    folder: str
    entrypoint: list[str]
    command: list[str]


@dataclass(frozen=True, slots=True)
class Entry:
    """size: in bytes. kind: what it is, None for a regular file."""

    size: int
    kind: str | None


class Engine:
    """Raises Unavailable when the engine does not answer, EngineRefused when it does not want."""

    def __init__(self, docker: Docker) -> None:
        self.docker = docker
        address = docker.docker_host
        is_local = address.startswith(_UNIX)
        self._address = "http://localhost" if is_local else address.replace("tcp:", "http:", 1)

    async def image(self, tag: str) -> Image | None:
        """None when the engine has none of that tag."""
        try:
            with translated():
                found = await self.docker.images.inspect(tag)
        except EngineRefused as error:
            if error.status == 404:
                return None
            raise
        config = found.get("Config") or {}
        return Image(
            folder=config.get("WorkingDir") or "/",
            entrypoint=config.get("Entrypoint") or [],
            command=config.get("Cmd") or [],
        )

    async def remove_image(self, tag: str) -> None:
        with translated():
            await self.docker.images.delete(tag)

    async def build(
        self, context: Path, dockerfile: str, tag: str, labels: Mapping[str, str]
    ) -> AsyncGenerator[dict[str, Any], None]:
        """What the engine says, piece by piece, while it builds from a tar file."""
        with context.open("rb") as file, translated():
            said = self.docker.images.build(
                fileobj=file,
                path_dockerfile=dockerfile,
                tag=tag,
                encoding="identity",
                labels=labels,
                forcerm=True,
                stream=True,
            )
            async for piece in said:
                yield piece

    async def entry(self, container: str, path: str) -> Entry | None:
        """What is at a path of a container, None for nothing; links are not followed."""
        with translated():
            async with self._archive("HEAD", container, path) as answer:
                if answer.status == 404:
                    return None
                _check(answer, b"")
                found = json.loads(b64decode(answer.headers["X-Docker-Container-Path-Stat"]))
        return Entry(int(found["size"]), _kind(int(found["mode"])))

    async def archive(self, container: str, path: str) -> AsyncGenerator[bytes, None]:
        """A tar of what is there, in pieces. (The library would have it in memory as a whole.)"""
        with translated():
            async with self._archive("GET", container, path) as answer:
                if answer.status >= 400:
                    _check(answer, await answer.read())
                async for piece in answer.content.iter_chunked(_CHUNK):
                    yield piece

    def _archive(
        self, method: str, container: str, path: str
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        url = f"{self._address}/containers/{container}/archive"
        return self.docker.session.request(method, url, params={"path": path})


@asynccontextmanager
async def open_engine(url: str) -> AsyncIterator[Engine]:
    """url: `unix:///path/of/docker.sock`, or `tcp://host:port`. Raises Invalid for another."""
    if not url.startswith((_UNIX, "tcp://")):
        raise Invalid(f"{url!r} is no address of a container engine: unix:///path or tcp://host.")
    # Each container holds two connections while it runs: a limit of them could be used up by those.
    connector: aiohttp.BaseConnector
    if url.startswith(_UNIX):
        connector = aiohttp.UnixConnector(url.removeprefix(_UNIX), limit=0)
        url = f"{_UNIX}localhost"
    else:
        connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(sock_connect=_CONNECT_S)
    async with connector, Docker(url=url, connector=connector, timeout=timeout) as docker:
        yield Engine(docker)


@contextmanager
def translated() -> Iterator[None]:
    """Errors of the library in our own words."""
    try:
        yield
    except DockerError as error:
        if error.status == _UNREACHABLE:
            raise Unavailable(error.message) from error
        raise EngineRefused(error.message.strip(), error.status) from error
    except (aiohttp.ClientError, OSError, EOFError) as error:
        raise Unavailable(f"The container engine does not answer: {error}") from error


def _check(answer: aiohttp.ClientResponse, body: bytes) -> None:
    if answer.status >= 400:
        raise EngineRefused(_words(body) or f"{answer.status} {answer.reason}", answer.status)


_KINDS = {1 << 31: "a folder", 1 << 27: "a link", 1 << 26: "a device", 1 << 25: "a named pipe"}
_OTHER_KINDS = 1 << 24 | 1 << 21 | 1 << 19


def _kind(mode: int) -> str | None:
    """By the type bits of a mode as Go has them, which is how the engine gives it."""
    found = next((kind for bit, kind in _KINDS.items() if mode & bit), None)
    return "no regular file" if found is None and mode & _OTHER_KINDS else found


def _words(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode("utf-8", "replace")[:1000]
