"""What a pipeline may declare as its inputs and outputs."""

import keyword
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from pumphouse.contracts.catalog import PipelineInput, PipelineOutput
from pumphouse.contracts.vocabulary import DataType
from pumphouse.errors import Invalid, NotSupported
from pumphouse.mapping.values import check

MAX_NAME_CHARACTERS = 255


def check_declarations(inputs: Sequence[PipelineInput], outputs: Sequence[PipelineOutput]) -> None:
    """Return when a pipeline may declare these.

    Raises Invalid with every fault at once: input names are Python identifiers, because they
    become keyword arguments; names are unique; defaults belong to their type. Raises NotSupported
    when one is a file.
    """
    types = [(item.name, item.data_type) for item in inputs]
    types += [(item.name, item.data_type) for item in outputs]
    files = [name for name, data_type in types if data_type is DataType.FILE]
    if files:
        raise NotSupported(
            f"This installation does not have inputs and outputs of type file yet: {quoted(files)}."
        )
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
    if item.default is not msgspec.UNSET:
        try:
            check(item.data_type, item.default)
        except Invalid as error:
            faults.append(f"Input {item.name!r}, default value: {error.message}.")
    return faults


def _repeated(items: Sequence[PipelineInput] | Sequence[PipelineOutput]) -> list[str]:
    counts = Counter(item.name for item in items)
    return [name for name, count in counts.items() if count > 1]
