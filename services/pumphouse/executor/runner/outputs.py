"""What a function returned: its values as JSON, its files opened for the executor."""

from __future__ import annotations

import errno
import json
import os
import stat
from typing import TYPE_CHECKING, Any

from pumphouse.executor.runner.failures import Refused, type_of

if TYPE_CHECKING:
    from collections.abc import Sequence

OUTPUTS_LIMIT = 8 << 20
DEPTH_LIMIT = 200


def answer_to(job: dict[str, Any], returned: Any) -> tuple[bytes, list[int]]:
    """The frame that says what the function returned, and descriptors of its files.

    Raises Refused.
    """
    declared = job["outputs"]
    check_presence(returned, declared)
    apart = {*job["files"], *job["unused"]}
    outputs = encode_outputs({n: None if n in apart else returned[n] for n in declared})
    files = open_files({name: returned[name] for name in job["files"]})
    named = json.dumps([(file.output, file.name) for file in files]).encode()
    head = b'{"kind":"returned","number":%d,"outputs":' % job["number"]
    return head + outputs + b',"files":' + named + b"}", [file.descriptor for file in files]


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
