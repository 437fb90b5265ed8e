"""Runs the jobs of one pod side by side: coroutines on one loop, plain functions in threads.

A part of the runner that it loads where it is needed: the standard library of Python >= 3.8 alone.
What a job writes goes to the executor in frames, by the context that it is written in. What has no
such context (a bare thread, native code, a child process) goes to the streams of the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import io
import json
import os
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pumphouse.executor.runner.channel import Channel

CHANNEL_BROKEN = 71
MOST_HELD = 64 << 10
MOST_AT_ONCE = 1 << 20


class Job:
    """One call that is under way. held: what it has written of a line that has not ended."""

    def __init__(self, frame: dict[str, Any]) -> None:
        self.frame = frame
        self.number: int = frame["number"]
        self.held = {"stdout": bytearray(), "stderr": bytearray()}
        self.is_open = True
        self.task: asyncio.Task[None] | None = None


_job: contextvars.ContextVar[Job] = contextvars.ContextVar("job")


class Speaker:
    """The channel for several threads; the text of a job comes before its answer, and in order."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._lock = threading.RLock()
        self._is_speaking = False
        self._is_fork = False
        os.register_at_fork(after_in_child=self._forked)

    def write(self, stream: str, data: bytes) -> bool:
        """Whether `data` was written by a job. If not, it is for the stream of the process."""
        job = _job.get(None)
        if job is None or self._is_fork:
            return False
        with self._turn() as is_free:
            if not (is_free and job.is_open):
                return False
            held = job.held[stream]
            held += data
            end = len(held) if len(held) > MOST_HELD else held.rfind(b"\n") + 1
            self._send_text(job, stream, bytes(held[:end]))
            del held[:end]
        return True

    def answer(self, job: Job, body: bytes, descriptors: list[int]) -> None:
        self._channel.leave_if_forked()
        with self._turn():
            for stream, held in job.held.items():
                self._send_text(job, stream, bytes(held))
            job.is_open = False
            self._channel.send_encoded(body, descriptors)

    @contextlib.contextmanager
    def _turn(self) -> Iterator[bool]:
        """False within another turn: a signal handler or a finalizer has come in between."""
        with self._lock:
            if self._is_speaking:
                yield False
                return
            self._is_speaking = True
            try:
                yield True
            finally:
                self._is_speaking = False

    def _send_text(self, job: Job, stream: str, data: bytes) -> None:
        for begin in range(0, len(data), MOST_AT_ONCE):
            text = data[begin : begin + MOST_AT_ONCE].decode("utf-8", "replace")
            frame = {"kind": "wrote", "number": job.number, "stream": stream, "text": text}
            self._channel.send_encoded(json.dumps(frame).encode())

    def _forked(self) -> None:
        self._is_fork = True


class Bytes(io.BufferedIOBase):
    """Takes bytes for one of the two streams."""

    def __init__(self, name: str, speaker: Speaker, beneath: Any) -> None:
        self._name = name
        self._speaker = speaker
        self._beneath = beneath

    def write(self, data: Any) -> int:
        piece = bytes(data)
        if not self._speaker.write(self._name, piece):
            self._beneath.write(piece)
            self._beneath.flush()
        return len(piece)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._beneath.fileno()  # type: ignore[no-any-return]

    def close(self) -> None:
        """It is not one execution's to close."""


class Text(io.TextIOBase):
    """In the place of sys.stdout or sys.stderr."""

    encoding = "utf-8"
    errors = "backslashreplace"
    mode = "w"

    def __init__(self, name: str, speaker: Speaker, beneath: Any) -> None:
        self.name = f"<{name}>"
        self.buffer = Bytes(name, speaker, beneath.buffer)
        self._stream = name
        self._speaker = speaker
        self._beneath = beneath

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        data = text.encode("utf-8", "backslashreplace")
        if not self._speaker.write(self._stream, data):
            self._beneath.write(text)
        return len(text)

    def flush(self) -> None:
        self._beneath.flush()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._beneath.fileno()  # type: ignore[no-any-return]

    def reconfigure(self, **_: object) -> None:
        """Lines are sent as they are complete, and all text is UTF-8."""

    def close(self) -> None:
        """It is not one execution's to close."""


class Parallel:
    """Made before the user's module is imported, whose streams and loop these are."""

    def __init__(
        self,
        channel: Channel,
        arguments: Callable[[Callable[..., Any], dict[str, Any]], dict[str, Any]],
        answer_to: Callable[[dict[str, Any], Any], tuple[bytes, list[int]]],
        failure_of: Callable[[dict[str, Any], BaseException], bytes],
        prepare: Callable[[dict[str, Any]], None],
    ) -> None:
        """prepare: is called at the start of a job, and in its context."""
        self._channel = channel
        self._arguments = arguments
        self._answer_to = answer_to
        self._failure_of = failure_of
        self._prepare = prepare
        self._speaker = Speaker(channel)
        self._jobs: dict[int, Job] = {}
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        sys.stdout = Text("stdout", self._speaker, sys.stdout)
        sys.stderr = Text("stderr", self._speaker, sys.stderr)

    def serve(self, function: Callable[..., Any], is_async: bool) -> None:
        """Run the jobs that come; returns when the user's code has closed the loop."""
        self._function = function
        self._is_async = is_async
        self._context = contextvars.copy_context()
        threading.Thread(target=self._listen, daemon=True).start()
        while not self._loop.is_closed():
            try:
                self._loop.run_forever()
            except (SystemExit, KeyboardInterrupt):  # of a task of the user's own
                traceback.print_exc()
            except OSError:  # the code has closed descriptors that are not its own
                os._exit(CHANNEL_BROKEN)

    def _listen(self) -> None:
        while True:
            frame = self._channel.receive()
            if frame["kind"] == "cancel":
                self._loop.call_soon_threadsafe(self._cancel, frame["number"])
            else:
                self._begin(Job(frame))

    def _begin(self, job: Job) -> None:
        context = self._context.copy()
        context.run(_job.set, job)
        try:
            context.run(self._prepare, job.frame)
            if self._is_async:
                self._loop.call_soon_threadsafe(self._start_task, job, context)
            else:
                thread = threading.Thread(target=context.run, args=(self._call, job), daemon=True)
                thread.start()
        except Exception as error:  # such as that there is no room for another thread
            self._fail(job, error)

    def _call(self, job: Job) -> None:
        try:
            returned = self._function(**self._arguments(self._function, job.frame))
            if hasattr(returned, "__await__"):
                awaited = asyncio.run_coroutine_threadsafe(_result(returned), self._loop)
                returned = awaited.result()
            answer = self._answer_to(job.frame, returned)
        except BaseException as error:
            self._fail(job, error)
        else:
            self._speaker.answer(job, *answer)

    def _start_task(self, job: Job, context: contextvars.Context) -> None:
        self._jobs[job.number] = job
        job.task = context.run(self._loop.create_task, self._await(job))
        job.task.add_done_callback(lambda _: self._ended(job))

    async def _await(self, job: Job) -> None:
        try:
            returned = await self._function(**self._arguments(self._function, job.frame))
            answer = self._answer_to(job.frame, returned)
        except BaseException as error:
            self._fail(job, error)
        else:
            self._speaker.answer(job, *answer)

    def _ended(self, job: Job) -> None:
        del self._jobs[job.number]
        if job.is_open:
            self._fail(job, asyncio.CancelledError())  # before its first step

    def _cancel(self, number: int) -> None:
        job = self._jobs.get(number)
        if job is not None and job.task is not None:
            job.task.cancel()

    def _fail(self, job: Job, error: BaseException) -> None:
        self._speaker.answer(job, self._failure_of(job.frame, error), [])


async def _result(awaitable: Any) -> Any:
    return await awaitable
