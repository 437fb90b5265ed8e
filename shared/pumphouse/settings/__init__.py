"""Settings from environment variables, or the files they name, into one Struct per service."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_origin

import msgspec

from pumphouse.errors import Invalid

S = TypeVar("S", bound=msgspec.Struct)

PREFIX = "PUMPHOUSE_"

FILE = "_FILE"


def load(kind: type[S], environment: Mapping[str, str]) -> S:
    """Build `kind` from the settings of its fields' names, as `setting` finds them.

    Text is converted to the type of the field ("9" to 9); commas separate the items of a tuple.
    Raises Invalid that names the variable when one is missing or cannot be converted.
    """
    fields = msgspec.structs.fields(kind)
    found = {
        field.name: _items(text) if get_origin(field.type) is tuple else text
        for field in fields
        if (text := setting(field.name, environment)) is not None
    }
    missing = [variable(f.name) for f in fields if f.required and f.name not in found]
    if missing:
        raise Invalid(
            f"Set the environment variable{'s'[: len(missing) > 1]} {', '.join(missing)}."
        )
    try:
        return msgspec.convert(found, kind, strict=False, dec_hook=_from_text)
    except msgspec.ValidationError as error:
        raise Invalid(f"An environment variable {PREFIX}… cannot be used: {error}") from error


def setting(name: str, environment: Mapping[str, str]) -> str | None:
    """The text of the variable PUMPHOUSE_<NAME>, or of the file that PUMPHOUSE_<NAME>_FILE names.

    None without either; an empty variable counts as none. What ends the text of a file as a line
    is left out. Raises Invalid when both are there, and when the file is empty or cannot be read.
    """
    text = environment.get(variable(name))
    file = environment.get(variable(name) + FILE)
    if not file:
        return text or None
    if text:
        raise Invalid(f"Set {variable(name)} or {variable(name)}{FILE}, and not both.")
    return _content(Path(file), of=variable(name) + FILE)


def variable(name: str) -> str:
    """What the environment calls the setting."""
    return PREFIX + name.upper()


def _items(text: str) -> list[str]:
    return [item for part in text.split(",") if (item := part.strip())]


def _content(file: Path, *, of: str) -> str:
    try:
        text = file.read_text("utf-8").removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise Invalid(f"The file {file} of {of} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        # The cause quotes the content, which may be a secret.
        raise Invalid(f"The file {file} of {of} is not text in UTF-8.") from None
    if not text:
        raise Invalid(f"The file {file} of {of} is empty.")
    return text


def _from_text(kind: type[Any], text: str) -> Path:
    if kind is not Path:
        raise NotImplementedError(f"Settings of the type {kind.__name__} are not made from text.")
    return Path(text)
