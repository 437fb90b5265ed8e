"""What went wrong in a user's code, in words for its author."""

from __future__ import annotations

import errno
import os
import traceback
from typing import Any

TEXT_LIMIT = 64 << 10
HERE = os.path.dirname(__file__)


_limits: dict[str, int] = {}


def set_limits(walls: dict[str, Any]) -> None:
    """Those that this process has (see `pumphouse.executor.walls.Walls`)."""
    _limits.update(walls["limits"])
    if walls["processes"] is not None:
        _limits["NPROC"] = walls["processes"]


class Refused(Exception):
    """What the user's code must do differently, in one sentence."""


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
    headline += limit_met(error, headline)
    return printable((headline + "\n\n" + details).strip().replace(folder + os.sep, ""))


def limit_met(error: BaseException, text: str) -> str:
    """A sentence about the limit that an error comes from, if it comes from one. text: its own."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EMFILE and "NOFILE" in _limits:
        return f"\nAn execution can have {_limits['NOFILE']:,} files open at a time."
    if number == errno.EFBIG and "FSIZE" in _limits:
        return f"\nThe files of an execution can have {_limits['FSIZE'] / (1 << 30):.4g} GiB."
    is_start = number == errno.EAGAIN or "start new thread" in text
    if is_start and "NPROC" in _limits:
        return f"\nAn execution can have {_limits['NPROC']:,} processes and threads at a time."
    return ""


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


def type_of(value: Any) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else kind.__module__ + "." + kind.__name__
