"""What callers give executions, as the document of the API shows it."""

from typing import Annotated, Any

import msgspec

from pumphouse.gateway.described import JSON, Bytes, Content, form
from pumphouse.gateway.file_answers import OCTETS

JsonText = Annotated[str, msgspec.Meta(extra_json_schema={"contentMediaType": JSON})]
"""A field of a form that has the JSON of a value."""


class Run(msgspec.Struct, frozen=True):
    """json_inputs: an object with the values. The mappings are lists, as in a deployment."""

    json_inputs: JsonText = "{}"
    inputs_mapping: JsonText = "[]"
    outputs_mapping: JsonText = "[]"


RUN_FORM: Content = form(Run)

CALL: Content = {JSON: dict[str, Any] | None, **form(dict[str, Any]), OCTETS: Bytes}
"""Values by the names that callers know. Bytes are the one input that is a file."""
