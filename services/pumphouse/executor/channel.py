"""The executor's end of a runner's socket: answers, and the files that come with them."""

import asyncio
import contextlib
import socket
from collections.abc import Callable

from pumphouse.executor.descriptors import Received, close_aside, name_senders, received
from pumphouse.executor.faults import PlatformFault, SandboxLost
from pumphouse.executor.frames import (
    CHANNEL_MISUSED,
    Answer,
    Cancel,
    Failed,
    FrameReader,
    Garbled,
    Imported,
    Job,
    Ready,
    Returned,
    Start,
    Unfit,
    Wrote,
    encode,
)

_READ_SIZE = 1 << 16
_READY_WITHIN_S = 120.0


class Channel:
    """Closes itself when the other end is closed or misused.

    imported: what the runner says that its one job has imported.
    """

    def __init__(self, end: socket.socket, check: Callable[[Ready, int | None], None]) -> None:
        """check: gets the process id of a runner on this host, where that is known, and raises
        PlatformFault when it is not to be used.
        """
        name_senders(end, True)
        self.imported: list[str] = []
        self._check = check
        self._refusal: PlatformFault | None = None
        self._is_to_report = False
        self._loop = asyncio.get_running_loop()
        self._socket = end
        self._frames = FrameReader()
        self._answers: asyncio.Queue[Answer | None] = asyncio.Queue()
        self._awaited: dict[int, int] = {}
        """Jobs that are not answered, and how many files may come with the answer."""
        self._takes_text = False
        self._sending = asyncio.Lock()
        self._is_open = True
        self._is_ready = False
        self._greeted = asyncio.Event()
        self._loop.add_reader(end.fileno(), self._read)

    async def send(self, message: Start | Job | Cancel) -> None:
        """Raises SandboxLost when the runner is gone, and PlatformFault for too large a message."""
        await self.ready()
        frame = encode(message)
        async with self._sending:
            if not self._is_open:
                raise SandboxLost("The runner has gone.")
            self._expect(message)
            try:
                await self._loop.sock_sendall(self._socket, frame)
            except OSError as error:
                raise SandboxLost(f"The runner does not take any more: {error}") from error

    async def ready(self) -> None:
        """Return once it waits for work. Raises SandboxLost, and PlatformFault when it is unfit."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_READY_WITHIN_S):
                await self._greeted.wait()
        if self._refusal is not None:
            raise self._refusal
        if not (self._is_ready and self._is_open):
            raise SandboxLost("The runner has not come up, or has gone.")

    async def receive(self) -> Answer | None:
        """The next answer, whose files are the caller's to close; None when no more can come."""
        return await self._answers.get()

    def drain(self) -> None:
        """Take what has come, and close."""
        while self._is_open and self._read():
            pass
        self._close()

    def forget(self) -> None:
        """Drop the answers that nobody has taken."""
        while not self._answers.empty():
            answer = self._answers.get_nowait()
            if isinstance(answer, Returned):
                close_aside([file.descriptor for file in answer.files])

    def _expect(self, message: Start | Job | Cancel) -> None:
        if isinstance(message, Cancel):
            return
        job = message.job if isinstance(message, Start) else message
        if isinstance(message, Start):
            self._takes_text = message.is_parallel
            self._is_to_report = message.reports_imports
        files = 0 if job is None else len(job.files)
        self._awaited[0 if job is None else job.number] = files
        self._frames.expect(files)

    def _read(self) -> bool:
        """Take what has come; False when there is no more for now."""
        try:
            found = received(self._socket, _READ_SIZE)
        except BlockingIOError:
            return False
        except OSError:
            found = Received(b"", [], is_whole=True)
        data = found.data
        try:
            for answer in self._frames.feed(data, found.descriptors) if found.is_whole else ():
                self._take(answer, found.sender)
        except Garbled:
            self._answers.put_nowait(CHANNEL_MISUSED)
            data = b""
        if not found.is_whole:
            close_aside(found.descriptors)
            self._answers.put_nowait(Unfit("This executor may not have more files open."))
            data = b""
        if not data:
            self._close()
        return bool(data)

    def _take(self, answer: Answer, sender: int | None) -> None:
        if isinstance(answer, Ready):
            self._greet(answer, sender)
            return
        if isinstance(answer, Imported):
            self._report(answer)
            return
        if not isinstance(answer, Wrote):
            self._check_off(answer)
        elif not self._takes_text:
            raise Garbled("Text came that nobody asked for.")
        self._answers.put_nowait(answer)

    def _greet(self, ready: Ready, sender: int | None) -> None:
        name_senders(self._socket, False)
        try:
            self._check(ready, sender)
            self._is_ready = True
        except PlatformFault as fault:
            self._refusal = fault
        self._greeted.set()

    def _report(self, answer: Imported) -> None:
        if not self._is_to_report:
            raise Garbled("A report came that nobody asked for.")
        self._is_to_report = False
        self.imported = answer.modules

    def _check_off(self, answer: Answer) -> None:
        """Raises Garbled unless it is awaited, and no files have come that are in no answer."""
        number = answer.number if isinstance(answer, Returned | Failed) else 0
        files = answer.files if isinstance(answer, Returned) else ()
        allowed = self._awaited.pop(number, None)
        if allowed is None or (self._frames.held and not self._awaited):
            close_aside([file.descriptor for file in files])
            raise Garbled("An answer came that nobody asked for.")
        self._frames.expect(len(files) - allowed)

    def _close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
            self._answers.put_nowait(None)
            self._greeted.set()
            close_aside(self._frames.held)
