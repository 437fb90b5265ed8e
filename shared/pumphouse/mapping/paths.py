"""Paths of the data store: which can be used, and how the path of an output is filled in."""

import re
import unicodedata
from datetime import UTC, datetime

from pumphouse.errors import Invalid

MAX_PATH_BYTES = 1024
"""Of a path in UTF-8: the longest key of an object store."""

_SHOWN_CHARACTERS = 80
_WORD = re.compile(r"\{(\w+)\}")
_SAMPLE_ID = "00000000-0000-0000-0000-000000000000"
_SAMPLE_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)


def clean_path(path: str) -> str:
    """The key of the object at `path`: without the one `/` that it may begin with.

    Raises Invalid that says what to change, to follow the name of what has the path.
    """
    return _checked(path.removeprefix("/"))


def clean_folder(path: str) -> str:
    """What the keys of all objects below the folder `path` begin with; empty for everything.

    Raises Invalid as clean_path does; a `/` at the end makes no difference.
    """
    folder = path.removeprefix("/")
    return f"{_checked(folder.removesuffix('/'))}/" if folder else ""


def clean_target(path: str) -> str:
    """As clean_path, for the path of an output, which may have words in braces to fill in.

    Raises Invalid also for another word, and when the path filled in would be too long.
    """
    target = clean_path(path)
    fill_in(target, _SAMPLE_ID, _SAMPLE_MOMENT)
    return target


def fill_in(target: str, execution_id: str, moment: datetime) -> str:
    """The path of one execution's output: `moment` gives the date and the time, in UTC.

    Raises Invalid when that is no path.
    """
    utc = moment.astimezone(UTC)
    words = {
        "execution_id": execution_id,
        "date": utc.strftime("%Y%m%d"),
        "date_time": utc.strftime("%Y%m%d_%H%M%S"),
    }
    unknown = [word for word in _WORD.findall(target) if word not in words]
    if unknown:
        known = ", ".join(f"{{{word}}}" for word in words)
        raise Invalid(
            f"the path {_shortened(target)} has {{{unknown[0]}}}, and only {known} can be filled in"
        )
    return clean_path(_WORD.sub(lambda found: words[found[1]], target))


def _checked(key: str) -> str:
    if not key:
        raise Invalid("a path of the data store must not be empty")
    categories = {unicodedata.category(character) for character in key}
    if "Cs" in categories:
        raise Invalid("a path with half a surrogate pair cannot be used: it is not Unicode")
    if "Cc" in categories:
        raise Invalid(f"the path {_shortened(key)} has control characters: remove them")
    if "\\" in key:
        raise Invalid(f"the path {_shortened(key)} has a backslash: write '/' between its parts")
    if any(segment in ("", ".", "..") for segment in key.split("/")):
        raise Invalid(
            f"the path {_shortened(key)} cannot be used: no part of it between slashes may be"
            " empty, '.' or '..'"
        )
    if (size := len(key.encode())) > MAX_PATH_BYTES:
        raise Invalid(
            f"the path {_shortened(key)} is too long: {size:,} bytes of UTF-8, and at most"
            f" {MAX_PATH_BYTES:,} are allowed"
        )
    return key


def _shortened(key: str) -> str:
    return repr(key if len(key) <= _SHOWN_CHARACTERS else f"{key[:_SHOWN_CHARACTERS]}…")
