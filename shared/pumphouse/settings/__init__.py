"""Settings from environment variables into one frozen Struct per service."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from pumphouse.errors import Invalid

S = TypeVar("S", bound=msgspec.Struct)

PREFIX = "PUMPHOUSE_"


def load(kind: type[S], environment: Mapping[str, str]) -> S:
    """Build `kind` from the variables PUMPHOUSE_<FIELD NAME IN CAPITALS>.

    Text is converted to the type of the field ("9" to 9). Raises Invalid that names the variable
    when one is missing or cannot be converted.
    """
    fields = msgspec.structs.fields(kind)
    found = {
        field.name: environment[variable]
        for field in fields
        if (variable := PREFIX + field.name.upper()) in environment
    }
    missing = [PREFIX + f.name.upper() for f in fields if f.required and f.name not in found]
    if missing:
        raise Invalid(
            f"Set the environment variable{'s'[: len(missing) > 1]} {', '.join(missing)}."
        )
    try:
        return msgspec.convert(found, kind, strict=False, dec_hook=_from_text)
    except msgspec.ValidationError as error:
        raise Invalid(f"An environment variable {PREFIX}… cannot be used: {error}") from error


def _from_text(kind: type[Any], text: str) -> Path:
    if kind is not Path:
        raise NotImplementedError(f"Settings of the type {kind.__name__} are not made from text.")
    return Path(text)
