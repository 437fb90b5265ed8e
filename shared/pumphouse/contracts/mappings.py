"""Where each input of an execution comes from, and where each output goes.

The tags are the words of the HTTP API's `mapping_type`.
"""

from typing import Any

import msgspec

from pumphouse.contracts.references import Reference


class Source(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Where the value of one input comes from."""


class Constant(Source, frozen=True, kw_only=True, tag="constant"):
    """A value, or where its JSON is kept when it is too large to travel; then value is None."""

    value: Any = None
    reference: Reference | None = None


class EndpointValue(Source, frozen=True, kw_only=True, tag="endpoint"):
    """The value that the caller gives under `name`, which may differ from the input's own name.

    is_required and default override the pipeline's own when they are set.
    """

    name: str
    is_required: bool | None = None
    default: Any = msgspec.UNSET


class EnvironmentVariable(Source, frozen=True, kw_only=True, tag="environment_variable"):
    name: str


class StoredFile(Source, frozen=True, kw_only=True, tag="datastore"):
    path: str


class NullValue(Source, frozen=True, kw_only=True, tag="is_null"):
    pass


class RunValue(Source, frozen=True, kw_only=True, tag="run"):
    name: str


class Destination(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Where the value of one output goes."""


class EndpointOutput(Destination, frozen=True, kw_only=True, tag="endpoint"):
    name: str


class FileTarget(Destination, frozen=True, kw_only=True, tag="datastore"):
    path: str


class Dropped(Destination, frozen=True, kw_only=True, tag="is_null"):
    pass


class RunOutput(Destination, frozen=True, kw_only=True, tag="run"):
    name: str


AnySource = Constant | EndpointValue | EnvironmentVariable | StoredFile | NullValue | RunValue
AnyDestination = EndpointOutput | FileTarget | Dropped | RunOutput


class InputMapping(msgspec.Struct, frozen=True, kw_only=True):
    """One input of the pipeline, by name, and its source."""

    input: str
    source: AnySource


class OutputMapping(msgspec.Struct, frozen=True, kw_only=True):
    """One output of the pipeline, by name, and its destination."""

    output: str
    destination: AnyDestination


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """The sources and destinations of a deployment or of a run.

    Complete when every input and output of the pipeline appears exactly once, in its order.
    """

    inputs: tuple[InputMapping, ...] = ()
    outputs: tuple[OutputMapping, ...] = ()
