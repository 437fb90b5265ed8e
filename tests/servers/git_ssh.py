"""A git server over ssh, which lets one key in."""

import asyncio
import shlex
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import asyncssh


@dataclass(frozen=True)
class SshServer:
    """url: of the folder that is served. key: the private key that is let in."""

    url: str
    key: str


@dataclass
class _Serving:
    root: Path
    key: asyncssh.SSHKey
    port: int = 0
    is_ready: threading.Event = field(default_factory=threading.Event)
    loop: asyncio.AbstractEventLoop | None = None
    end: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        server = await asyncssh.listen(
            "127.0.0.1",
            self.port,
            server_factory=lambda: _OneKey(self.key),
            server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
            process_factory=self._upload,
            encoding=None,
        )
        async with server:
            self.port = server.get_port()
            self.is_ready.set()
            await self.end.wait()

    async def _upload(self, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        program, path = shlex.split(process.command or "")
        if program != "git-upload-pack":
            process.exit(1)
            return
        git = await asyncio.create_subprocess_exec(
            *("git", "upload-pack", str(self.root / path.lstrip("/"))),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert git.stdin is not None
        assert git.stdout is not None
        assert git.stderr is not None
        asking = asyncio.create_task(_copy(process.stdin, git.stdin))
        await asyncio.gather(_copy(git.stdout, process.stdout), _copy(git.stderr, process.stderr))
        asking.cancel()
        process.exit(await git.wait())


class _Source(Protocol):
    async def read(self, n: int) -> bytes: ...


class _Target(Protocol):
    def write(self, data: bytes) -> None: ...
    async def drain(self) -> None: ...


async def _copy(source: _Source, target: _Target) -> None:
    with suppress(ConnectionError):
        while data := await source.read(1 << 16):
            target.write(data)
            await target.drain()


class _OneKey(asyncssh.SSHServer):
    def __init__(self, key: asyncssh.SSHKey) -> None:
        self._key = key.convert_to_public()

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return key == self._key and username == "git"


@contextmanager
def git_over_ssh(root: Path, port: int = 0) -> Iterator[SshServer]:
    """Serve the repositories below `root`, with a host key of its own. port: 0 for a free one."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    serving = _Serving(root, key, port)
    thread = threading.Thread(target=lambda: asyncio.run(serving.serve()))
    thread.start()
    try:
        assert serving.is_ready.wait(20), "the ssh server has not begun"
        yield SshServer(
            f"ssh://git@127.0.0.1:{serving.port}", key.export_private_key("openssh").decode()
        )
    finally:
        if serving.loop is not None:
            serving.loop.call_soon_threadsafe(serving.end.set)
        thread.join()
