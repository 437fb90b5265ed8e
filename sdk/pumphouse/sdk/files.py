"""Values and files that a caller gives, apart from each other."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

from pumphouse.sdk.encoding import inputs_to_json, to_json
from pumphouse.sdk.errors import InvalidParameters
from pumphouse.sdk.forms import Fields, Files
from pumphouse.sdk.sources import Source, is_file, opened

_CONTENT_TYPE = "application/octet-stream"


class Payload(TypedDict):
    """What a request carries, as Transport takes it."""

    body: NotRequired[str]
    form: NotRequired[Fields]
    files: NotRequired[Files]


@dataclass(frozen=True)
class Given:
    """values: JSON. files: open, in the order in which they were given."""

    values: Mapping[str, Any]
    files: Mapping[str, Source]

    @property
    def parts(self) -> Files:
        """The files as parts of a form."""
        return {
            name: (source.name or name, source, _CONTENT_TYPE)
            for name, source in self.files.items()
        }

    def payload(self) -> Payload:
        """For an endpoint: a JSON object, or a form in which each value is JSON.

        Raises InvalidParameters that names the input that is no JSON.
        """
        if not self.files:
            return Payload(body=inputs_to_json(self.values))
        fields = {str(name): to_json(v, f"Input {name!r}") for name, v in self.values.items()}
        return Payload(form=fields, files=self.parts)


@contextmanager
def given_inputs(
    inputs: Mapping[str, Any] | None, file_names: Collection[str] = ()
) -> Iterator[Given]:
    """Inputs by name. Files that are given by their paths are open meanwhile.

    Bytes, binary streams and path objects are files; a text is the path of one if its name is
    among `file_names`. Raises InvalidParameters, and OSError for a file that cannot be opened.
    """
    if not isinstance(inputs, Mapping | None):
        raise InvalidParameters("'inputs' must be a dict of values by input name.")
    values: dict[str, Any] = {}
    files: dict[str, Source] = {}
    with ExitStack() as stack:
        for name, value in (inputs or {}).items():
            if is_file(value) or (name in file_names and isinstance(value, str)):
                files[str(name)] = stack.enter_context(opened(value, f"Input {name!r}"))
            else:
                values[name] = value
        yield Given(values, files)
