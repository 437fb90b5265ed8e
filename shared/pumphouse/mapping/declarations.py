"""What a pipeline may declare as its inputs and outputs."""

import keyword
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from pumphouse.contracts.catalog import PipelineInput, PipelineOutput
from pumphouse.contracts.vocabulary import DataType
from pumphouse.errors import Invalid, TooLarge
from pumphouse.mapping.values import check

MAX_NAME_CHARACTERS = 255

MAX_DEFAULTS_BYTES = 65_536
"""Of the JSON of all default values of one pipeline, or of one mapping."""


def check_declarations(inputs: Sequence[PipelineInput], outputs: Sequence[PipelineOutput]) -> None:
    """Return when a pipeline may declare these.

    Raises Invalid with every fault at once: input names are Python identifiers, because they
    become keyword arguments; names are unique; defaults belong to their type, and a file has none.
    Raises TooLarge when the defaults are.
    """
    faults = [
        *(fault for item in inputs for fault in _input_faults(item)),
        *(
            f"Output {item.name!r}: {fault}."
            for item in outputs
            if (fault := name_fault(item.name)) is not None
        ),
        *(f"Input {name!r} is declared more than once." for name in _repeated(inputs)),
        *(f"Output {name!r} is declared more than once." for name in _repeated(outputs)),
    ]
    if faults:
        raise Invalid(" ".join(faults))
    check_size_of_defaults({item.name: item.default for item in inputs})


def check_size_of_defaults(defaults: Mapping[str, Any]) -> None:
    """Raise TooLarge when these are too large together to travel; by name, UNSET for none."""
    sizes = {
        name: len(msgspec.json.encode(default))
        for name, default in defaults.items()
        if default is not msgspec.UNSET
    }
    if (size := sum(sizes.values())) > MAX_DEFAULTS_BYTES:
        raise TooLarge(
            f"The default values of {quoted(sizes)} are {size:,} bytes of JSON together; at most"
            f" {MAX_DEFAULTS_BYTES:,} are allowed: use constant values, or files, for larger ones."
        )


def name_fault(name: str) -> str | None:
    """Why a name cannot be used, to follow the name itself; None when it can."""
    if not name.strip():
        return "a name must not be empty"
    if len(name) > MAX_NAME_CHARACTERS:
        return f"a name has at most {MAX_NAME_CHARACTERS} characters"
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        return "a name must not have control characters"
    return None


def quoted(names: Iterable[str]) -> str:
    """The names in quotes, with commas between them."""
    return ", ".join(repr(name) for name in names)


def _input_faults(item: PipelineInput) -> list[str]:
    faults = []
    if not item.name.isidentifier() or keyword.iskeyword(item.name):
        faults.append(
            f"Input {item.name!r}: its name becomes an argument of the function, so it must be"
            " a Python identifier."
        )
    elif (fault := name_fault(item.name)) is not None:
        faults.append(f"Input {item.name!r}: {fault}.")
    if item.default is not msgspec.UNSET and item.data_type is DataType.FILE:
        faults.append(f"Input {item.name!r}: a file has no default value.")
    elif item.default is not msgspec.UNSET:
        try:
            check(item.data_type, item.default)
        except Invalid as error:
            faults.append(f"Input {item.name!r}, default value: {error.message}.")
    return faults


def _repeated(items: Sequence[PipelineInput] | Sequence[PipelineOutput]) -> list[str]:
    counts = Counter(item.name for item in items)
    return [name for name, count in counts.items() if count > 1]
