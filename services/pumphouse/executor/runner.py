"""Runs a user's function in a process of its own, with the standard library of Python >= 3.8 alone.

Started as `python -I -X utf8 runner.py DESCRIPTOR PARENT`: a socket to the executor, and the
executor's process id. Frames are a little-endian u32 length and JSON. The first is the start
(`frames.Start`); with a job in it that job is run and the process ends, without one the module is
imported and jobs follow one by one. User code shares this process, so the executor trusts nothing
that comes out of it. User code finds no module of ours: this is `__main__`, and the parts that it
loads from beside it have no name.
"""

from __future__ import annotations

import contextlib
import contextvars
import errno
import functools
import importlib.machinery
import importlib.util
import json
import os
import signal
import socket
import stat
import struct
import sys
import traceback
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OUTPUTS_LIMIT = 8 << 20
DEPTH_LIMIT = 200
TEXT_LIMIT = 64 << 10
CHANNEL_BROKEN = 71
HERE = os.path.dirname(__file__)
PARTS = ("runner_parallel",)

_LENGTH = struct.Struct("<I")
_MOST_DESCRIPTORS = 250
_CO_COROUTINE = 0x80
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

current_execution_id: contextvars.ContextVar[str] = contextvars.ContextVar("current_execution_id")


class Refused(Exception):
    """What the user's code must do differently, in one sentence."""


class Channel:
    """Frames over the socket to the executor."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._socket = socket.socket(fileno=descriptor)
        self._owner = os.getpid()

    def receive(self) -> Any:
        """The next frame; the process ends when the executor is gone."""
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        return json.loads(self._exactly(length))

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, kind: str, **fields: Any) -> None:
        self.send_encoded(json.dumps({"kind": kind, **fields}).encode())

    def leave_if_forked(self) -> None:
        """End a copy of this process that fell out of the user's function."""
        if os.getpid() != self._owner:
            os._exit(0)

    def send_encoded(self, body: bytes, files: Sequence[OpenFile] = ()) -> None:
        """Send a frame, and with its first bytes the files, which are then closed here."""
        self.leave_if_forked()
        frame = memoryview(_LENGTH.pack(len(body)) + body)
        descriptors = [file.descriptor for file in files]
        try:
            for start in range(0, len(descriptors), _MOST_DESCRIPTORS):
                some = descriptors[start : start + _MOST_DESCRIPTORS]
                rights = struct.pack(f"{len(some)}i", *some)
                self._socket.sendmsg([frame[:1]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
                frame = frame[1:]
            self._socket.sendall(frame)
            close(files)
        except OSError:
            os._exit(CHANNEL_BROKEN)

    def _exactly(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            try:
                part = self._socket.recv(size - len(parts))
            except OSError:
                os._exit(CHANNEL_BROKEN)
            if not part:
                os._exit(0)
            parts += part
        return bytes(parts)


# -- living and dying with the executor


def tie_to(parent: int, descriptor: int) -> None:
    """End this process when the executor ends, however that happens."""
    if _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL):
        if os.getppid() != parent:
            os._exit(0)
    else:
        watch(descriptor)


def watch(descriptor: int) -> None:
    """Without the kernel's help: a thread that waits for the other end of the socket to close."""
    import select
    import threading

    def wait() -> None:
        poll = select.poll()
        poll.register(descriptor, select.POLLHUP)
        poll.poll()
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def _prctl(option: int, value: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    try:
        import ctypes

        return bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


def end_orphans() -> None:
    """Kill what detached itself from the process group and fell to us as its subreaper."""
    for _ in range(20):
        try:
            with open(f"/proc/self/task/{os.getpid()}/children") as listing:
                children = [int(pid) for pid in listing.read().split()]
        except OSError:
            return
        if not children:
            return
        for child in children:
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)


# -- what the user's code finds


def provide_execution_context() -> None:
    """Make `__craft_internal_execution_context` importable, and nothing else of ours."""
    name = "__craft_internal_execution_context"
    module = types.ModuleType(name)
    module.__dict__["current_execution_id"] = current_execution_id
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
    sys.modules[name] = module


BARE_ENVIRONMENT = dict(os.environ)


def set_environment(variables: dict[str, str]) -> None:
    """Let user code see `variables`, and beside them what this interpreter started with."""
    wanted = {**BARE_ENVIRONMENT, **variables}
    os.environ.update(wanted)
    for name in [name for name in os.environ if name not in wanted]:
        del os.environ[name]


def settle(start: dict[str, Any]) -> None:
    """Take the environment, the folder and the streams of the code that is about to run."""
    set_environment(start["environment"])
    os.chdir(start["folder"])
    sys.path.insert(0, start["folder"])
    sys.argv = [start["file"]]
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]


def load(folder: str, file: str, function: str) -> Callable[..., Any]:
    """Import the user's file by its path and return the function in it."""
    path = os.path.join(folder, file)
    if not os.path.isfile(path):
        raise Refused(f"The pipeline's code has no file {file!r}.")
    name = os.path.splitext(file)[0].replace("/", ".")
    if name in sys.modules:
        name = "pipeline_" + name
    loader = importlib.machinery.SourceFileLoader(name, path)
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)
    found = getattr(module, function, None)
    if found is None:
        raise Refused(f"The file {file!r} defines no function {function!r}.")
    if not callable(found):
        raise Refused(f"{function!r} in the file {file!r} is not a function.")
    return found  # type: ignore[no-any-return]


def arguments(function: Callable[..., Any], job: dict[str, Any]) -> dict[str, Any]:
    """The inputs; one that nobody gave is left to the function's own default, if it has one."""
    given: dict[str, Any] = job["inputs"]
    if not job["absent"]:
        return given
    import inspect

    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return given
    defaulted = {name for name, p in parameters.items() if p.default is not p.empty}
    return {n: v for n, v in given.items() if n not in job["absent"] or n not in defaulted}


def is_async(function: Any) -> bool:
    """Whether a call of it is a coroutine, as far as can be told before."""
    while isinstance(function, functools.partial):
        function = function.func
    if not hasattr(function, "__code__"):
        function = function.__call__
    flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
    return bool(flags & _CO_COROUTINE)


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


# -- what the function returned


def answer_to(job: dict[str, Any], returned: Any) -> tuple[bytes, list[OpenFile]]:
    """The frame that says what the function returned, and the files of it. Raises Refused."""
    declared = job["outputs"]
    check_presence(returned, declared)
    apart = {*job["files"], *job["unused"]}
    outputs = encode_outputs({n: None if n in apart else returned[n] for n in declared})
    files = open_files({name: returned[name] for name in job["files"]})
    named = json.dumps([(file.output, file.name) for file in files]).encode()
    head = b'{"kind":"returned","number":%d,"outputs":' % job["number"]
    return head + outputs + b',"files":' + named + b"}", files


def check_presence(returned: Any, declared: list[str]) -> None:
    """Raise Refused unless all that is declared was returned."""
    if not declared:
        return
    if not isinstance(returned, dict):
        found = "None" if returned is None else f"a value of type {type_of(returned)}"
        raise Refused(
            f"The function returned {found}, but it must return a dict with its declared"
            f" outputs: {names(declared)}."
        )
    missing = [name for name in declared if name not in returned]
    if missing:
        raise Refused(f"The returned dict lacks the declared output {names(missing)}.")


def encode_outputs(outputs: dict[str, Any]) -> bytes:
    """The values as one JSON object. Raises Refused."""
    parts = [json.dumps(n).encode() + b":" + encode(n, value) for n, value in outputs.items()]
    size = sum(map(len, parts))
    if size > OUTPUTS_LIMIT:
        raise Refused(
            f"The outputs are too large: {size / (1 << 20):.1f} MB of JSON,"
            f" where {OUTPUTS_LIMIT >> 20} MB is the limit."
        )
    return b"{" + b",".join(parts) + b"}"


def encode(name: str, value: Any) -> bytes:
    try:
        body = json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
        nested = body.count(b"[") + body.count(b"{")
        if nested <= DEPTH_LIMIT or depth_of(json.loads(body)) <= DEPTH_LIMIT:
            return body
        reason = f"is nested deeper than {DEPTH_LIMIT} levels"
    except RecursionError:
        reason = f"is nested deeper than {DEPTH_LIMIT} levels"
    except UnicodeEncodeError:
        reason = "has text that is not Unicode (a lone surrogate)"
    except (TypeError, ValueError) as error:
        reason = fault_in(value, "", []) or f"cannot be written as JSON ({error})"
    raise Refused(f"The output {name!r} {reason}.")


def depth_of(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            child
            for item in level
            if isinstance(item, (dict, list))
            for child in (item.values() if isinstance(item, dict) else item)
        ]
    return depth


def fault_in(value: Any, path: str, above: list[Any]) -> str | None:
    """Why JSON cannot hold `value`, naming the first place where it cannot."""
    place = f" at {path}" if path else ""
    if isinstance(value, float) and (value != value or value in (float("inf"), -float("inf"))):
        return f"has the value {float(value)!r}{place}, which JSON does not know; use None instead"
    if value is None or isinstance(value, (str, int, float)):
        return None
    if len(above) > DEPTH_LIMIT:
        return f"is nested deeper than {DEPTH_LIMIT} levels"
    if any(value is outer for outer in above):
        return f"contains itself{place}"
    if isinstance(value, dict):
        for key in value:
            if not (key is None or isinstance(key, (str, int, float))):
                return f"has a key of type {type_of(key)}{place}; JSON takes text"
        items = [(f"[{key!r}]", item) for key, item in value.items()]
    elif isinstance(value, (list, tuple)):
        items = [(f"[{index}]", item) for index, item in enumerate(value)]
    else:
        hint = next((h for n, h in HINTS if hasattr(value, n)), "convert it to a JSON type first")
        return f"is not JSON{place}: it has a value of type {type_of(value)}; {hint}"
    faults = (fault_in(item, path + step, [*above, value]) for step, item in items)
    return next((fault for fault in faults if fault), None)


HINTS = (
    ("tolist", "call .tolist() on an array and .item() on a single value"),
    ("item", "call .item() on it"),
    ("to_dict", "call .to_dict() on it"),
    ("isoformat", "call .isoformat() on it"),
    ("decode", "call .decode() on it"),
)


def type_of(value: Any) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else kind.__module__ + "." + kind.__name__


class OpenFile:
    """A file for the executor to read. name: in its folder."""

    def __init__(self, output: str, path: str, descriptor: int) -> None:
        self.output = output
        self.name = os.path.basename(path).encode("utf-8", "replace").decode()
        self.descriptor = descriptor


def open_files(returned: dict[str, Any]) -> list[OpenFile]:
    """The files that outputs name, but for those that are None. Raises Refused."""
    files: list[OpenFile] = []
    try:
        for name, value in returned.items():
            if value is not None:
                path = path_of(name, value)
                files.append(OpenFile(name, path, open_regular(name, path)))
    except BaseException:
        close(files)
        raise
    return files


def close(files: Sequence[OpenFile]) -> None:
    for file in files:
        os.close(file.descriptor)


def path_of(name: str, value: Any) -> str:
    wanted = 'it must be {"path": <path of the file>} or None'
    if not isinstance(value, dict):
        raise Refused(
            f"The output {name!r} is a file: {wanted}, but the function returned a value of type"
            f" {type_of(value)} for it."
        )
    if "path" not in value:
        raise Refused(
            f"The output {name!r} is a file: {wanted}, but the returned dict has no 'path'."
        )
    path = value["path"]
    if isinstance(path, os.PathLike):
        path = os.fspath(path)
    if not isinstance(path, str):
        raise Refused(
            f"The output {name!r} is a file: {wanted}, but its 'path' is a value of type"
            f" {type_of(path)}."
        )
    return path


def open_regular(name: str, path: str) -> int:
    """A descriptor of a regular file; opening waits for nobody. Raises Refused."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        descriptor = os.open(path, flags)
    except (OSError, ValueError) as error:
        raise Refused(f"The output {name!r} is the file {path!r}, {hindrance(error)}") from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise Refused(
            f"The output {name!r} is {path!r}, which is {kind_of(mode)} and no regular file."
        )
    return descriptor


def hindrance(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if number in (errno.ENOENT, errno.ENOTDIR):
        return "which does not exist: did the function write it?"
    if number in (errno.EACCES, errno.EPERM):
        return "which the execution is not allowed to read."
    if number in (errno.EMFILE, errno.ENFILE):
        return (
            "which cannot be opened, because the code has too many files open: close those that"
            " are no longer needed."
        )
    if number == errno.ENXIO:
        return "which is a socket or a device and no regular file."
    return f"which cannot be opened ({getattr(error, 'strerror', None) or error})."


def kind_of(mode: int) -> str:
    kinds = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a named pipe"))
    return next((kind for is_so, kind in kinds if is_so(mode)), "a device")


def names(several: list[str]) -> str:
    return ", ".join(repr(name) for name in several)


# -- what went wrong


def explain(error: BaseException, folder: str) -> str:
    """What a data scientist reads: the error in a line, then the frames of their own code."""
    if isinstance(error, Refused):
        return printable(str(error))
    try:
        tree = traceback.TracebackException.from_exception(error)
        own_frames_only(tree, folder, set())
        headline = "".join(tree.format_exception_only()).strip()
        details = "".join(tree.format())
    except Exception:
        headline, details = type_of(error), ""
    if isinstance(error, SystemExit):
        code = "" if error.code is None else repr(error.code)
        headline = f"The code called sys.exit({code})."
    if isinstance(error, MemoryError):
        headline = "MemoryError: the code asked for more memory than it can have."
    return printable((headline + "\n\n" + details).strip().replace(folder + os.sep, ""))


def own_frames_only(tree: Any, folder: str, seen: set[int]) -> None:
    """Drop this runner, the import machinery, and whatever led to the user's first frame."""
    if tree is None or id(tree) in seen:
        return
    seen.add(id(tree))
    frames = [
        frame
        for frame in tree.stack
        if os.path.dirname(frame.filename) != HERE
        and not frame.filename.startswith("<frozen importlib")
    ]
    inside = (i for i, frame in enumerate(frames) if frame.filename.startswith(folder))
    tree.stack = traceback.StackSummary.from_list(frames[next(inside, 0) :])
    for other in (tree.__cause__, tree.__context__, *(getattr(tree, "exceptions", None) or ())):
        own_frames_only(other, folder, seen)


def printable(text: str) -> str:
    text = text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
    if len(text) > TEXT_LIMIT:
        half = TEXT_LIMIT // 2
        text = text[:half] + "\n[… shortened …]\n" + text[-half:]
    return text


# -- running


class Runner:
    """One start, and the jobs that follow it."""

    def __init__(self, channel: Channel, start: dict[str, Any]) -> None:
        self._channel = channel
        self._folder: str = start["folder"]
        self._place = (start["folder"], start["file"], start["function"])
        self._coroutines = Coroutines(start["job"] is not None, channel)
        self._parts = {name: part(name) for name in PARTS if start["is_parallel"]}

    def run_once(self, job: dict[str, Any]) -> None:
        """Import, run, answer, and end as an interpreter does, without its slow finalisation."""
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        self._channel.send_encoded(*self._answer(job, lambda: load(*self._place)))
        try:
            import atexit

            if "threading" in sys.modules:
                sys.modules["threading"]._shutdown()
            atexit._run_exitfuncs()
            flush()
        finally:
            end_orphans()
            os._exit(0)

    def serve(self, mark: str, is_parallel: bool) -> None:
        """Import once, then run jobs, one by one or side by side."""
        streams = [os.dup(1), os.dup(2)]
        end_of_log = b"\0" + mark.encode() + b"\n"

        def end_log() -> None:
            for stream in streams:
                os.write(stream, end_of_log)

        parallel = self._side_by_side() if is_parallel else None
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
        return self._parts["runner_parallel"].Parallel(
            self._channel, arguments, answer_to, self._failure, begin_beside_others
        )

    def _failure(self, job: dict[str, Any], error: BaseException) -> bytes:
        message = explain(error, self._folder)
        answer = {"kind": "failed", "number": job["number"], "message": message}
        return json.dumps(answer).encode()

    def _answer(
        self, job: dict[str, Any], find: Callable[[], Callable[..., Any]]
    ) -> tuple[bytes, list[OpenFile]]:
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


def main(descriptor: int, parent: int) -> None:
    tie_to(parent, descriptor)
    channel = Channel(descriptor)
    provide_execution_context()
    channel.send("ready")
    start = channel.receive()
    try:
        runner = Runner(channel, start)
        settle(start)
    except (OSError, ValueError) as error:
        channel.send("unfit", message=f"{type(error).__name__}: {error}")
        os._exit(0)
    if start["job"] is not None:
        runner.run_once(start["job"])
    else:
        runner.serve(start["mark"], start["is_parallel"])


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
