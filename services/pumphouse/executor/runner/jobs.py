"""Jobs: calls of the user's function, one and then the end, or one after the other."""

from __future__ import annotations

import contextlib
import contextvars
import importlib.machinery
import json
import os
import resource
import sys
import types
from typing import TYPE_CHECKING, Any

from pumphouse.executor.runner.failures import HERE, explain
from pumphouse.executor.runner.loading import arguments, is_async, load
from pumphouse.executor.runner.outputs import answer_to
from pumphouse.executor.runner.processes import end_orphans

if TYPE_CHECKING:
    from collections.abc import Callable

    from pumphouse.executor.runner.channel import Channel
    from pumphouse.executor.runner.preloading import Preloaded

current_execution_id: contextvars.ContextVar[str] = contextvars.ContextVar("current_execution_id")

_bare_environment: dict[str, str] = {}


def set_bare_environment(variables: dict[str, str]) -> None:
    """What every environment of user code has, if it does not say otherwise."""
    _bare_environment.update(variables)


def set_environment(variables: dict[str, str]) -> None:
    """Let user code see `variables`, and beside them what this interpreter started with."""
    wanted = {**_bare_environment, **variables}
    os.environ.update(wanted)
    for name in [name for name in os.environ if name not in wanted]:
        del os.environ[name]


class Coroutines:
    """Awaits what an `async def` returns. Jobs of one pod share a loop, as their clients may."""

    def __init__(self, once: bool, channel: Channel) -> None:
        self._once = once
        self._channel = channel
        self._loop: Any = None

    def result(self, awaitable: Any) -> Any:
        """What it comes to; in a pod, it ends early when the executor says so."""
        import asyncio

        async def wait() -> Any:
            return await awaitable

        if self._once:
            return asyncio.run(wait())
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        task = self._loop.create_task(wait())

        def interrupt() -> None:
            if self._channel.receive()["kind"] == "cancel":
                task.cancel()

        self._loop.add_reader(self._channel.fileno(), interrupt)
        try:
            return self._loop.run_until_complete(task)
        finally:
            self._loop.remove_reader(self._channel.fileno())


class Runner:
    """One start, and the jobs that follow it."""

    def __init__(self, channel: Channel, start: dict[str, Any], preloaded: Preloaded) -> None:
        self._channel = channel
        self._start = start
        self._preloaded = preloaded
        self._folder: str = start["folder"]
        self._place = (start["folder"], start["file"], start["function"])
        self._coroutines = Coroutines(start["job"] is not None, channel)
        self._parallel = part("parallel") if start["is_parallel"] else None

    def settle(self) -> None:
        """Take the environment, the folder and the streams of the code that is about to run."""
        if self._start["data_bytes"] is not None:
            resource.setrlimit(resource.RLIMIT_DATA, (self._start["data_bytes"],) * 2)
        set_environment(self._start["environment"])
        os.chdir(self._folder)
        self._preloaded.forget_shadowed(self._folder)
        sys.path.insert(0, self._folder)
        sys.argv = [self._start["file"]]
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]

    def run(self) -> None:
        """The one job of the start, or those to come."""
        if self._start["job"] is not None:
            self._run_once(self._start["job"])
        else:
            self._serve(self._start["mark"])

    def _run_once(self, job: dict[str, Any]) -> None:
        """Import, run, answer, and end as an interpreter does, without its slow finalisation."""
        self._channel.send_encoded(*self._answer(job, lambda: load(*self._place)))
        try:
            modules = self._preloaded.more(self._folder) if self._start["reports_imports"] else ()
            if modules:
                self._channel.send("imported", modules=modules)
            import atexit

            if "threading" in sys.modules:
                sys.modules["threading"]._shutdown()
            atexit._run_exitfuncs()
            flush()
        finally:
            end_orphans()
            os._exit(0)

    def _serve(self, mark: str) -> None:
        """Import once, then run jobs, one by one or side by side."""
        streams = [os.dup(1), os.dup(2)]
        end_of_log = b"\0" + mark.encode() + b"\n"

        def end_log() -> None:
            for stream in streams:
                os.write(stream, end_of_log)

        parallel = self._side_by_side()
        try:
            function = load(*self._place)
        except BaseException as error:
            flush()
            self._channel.send_encoded(self._failure({"number": 0}, error))
            os._exit(0)
        flush()
        end_log()
        self._channel.send("up", is_async=is_async(function))
        if parallel is None:
            self._one_by_one(function, end_log)
        else:
            parallel.serve(function, is_async(function))

    def _one_by_one(self, function: Callable[..., Any], end_log: Callable[[], None]) -> None:
        """After each job, the mark on both streams ends its log."""
        while True:
            job = self._channel.receive()
            if job["kind"] == "cancel":
                continue  # of a job that has ended meanwhile
            if job["environment"] is not None:
                set_environment(job["environment"])
            answer = self._answer(job, lambda: function)
            self._channel.leave_if_forked()
            end_log()
            self._channel.send_encoded(*answer)

    def _side_by_side(self) -> Any:
        """What runs them side by side; None where they come one by one."""
        if self._parallel is None:
            return None
        return self._parallel.Parallel(
            self._channel, arguments, answer_to, self._failure, begin_beside_others
        )

    def _failure(self, job: dict[str, Any], error: BaseException) -> bytes:
        message = explain(error, self._folder)
        answer = {"kind": "failed", "number": job["number"], "message": message}
        return json.dumps(answer).encode()

    def _answer(
        self, job: dict[str, Any], find: Callable[[], Callable[..., Any]]
    ) -> tuple[bytes, list[int]]:
        try:
            os.environ["CRAFT_AI_EXECUTION_ID"] = job["execution_id"]
            current_execution_id.set(job["execution_id"])
            function = find()
            returned = function(**arguments(function, job))
            if hasattr(returned, "__await__"):
                returned = self._coroutines.result(returned)
            return answer_to(job, returned)
        except BaseException as error:
            return self._failure(job, error), []
        finally:
            flush()


def begin_beside_others(job: dict[str, Any]) -> None:
    """The id is in the context alone: the environment is that of all jobs."""
    if job["environment"] is not None:
        set_environment(job["environment"])
    current_execution_id.set(job["execution_id"])


def part(name: str) -> types.ModuleType:
    """Another file of the runner, under no name that user code could import."""
    path = os.path.join(HERE, name + ".py")
    loader = importlib.machinery.SourceFileLoader(name, path)
    module = types.ModuleType(name)
    module.__file__ = path
    exec(loader.get_code(name), module.__dict__)  # type: ignore[arg-type]  # noqa: S102 - our own
    return module


def flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # the user may have put anything in its place
            stream.flush()
