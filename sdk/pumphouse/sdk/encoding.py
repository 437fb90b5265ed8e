"""User values to JSON, and nested parameters to form fields."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pumphouse.sdk.errors import InvalidParameters

LONGEST_LITERAL = 10_000
"""In characters. The platform parses no longer ones."""


def to_json(value: Any, what: str) -> str:
    """JSON text of `value`. Raises InvalidParameters that says what `what` is."""
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidParameters(f"{what} cannot be sent as JSON: {error}.") from error


def inputs_to_json(inputs: Mapping[str, Any] | None) -> str:
    """A JSON object of input values. Raises InvalidParameters that names the input at fault."""
    if inputs is None:
        return "{}"
    if not isinstance(inputs, Mapping):
        raise InvalidParameters("'inputs' must be a dict of values by input name.")
    members = (
        f"{json.dumps(str(name))}: {to_json(value, f'Input {name!r}')}"
        for name, value in inputs.items()
    )
    return "{" + ", ".join(members) + "}"


def to_form(value: Any, key: str = "") -> dict[str, str]:
    """Form fields for nested dicts and lists: `{"a": [{"b": 1}]}` becomes `{"a[0][b]": "1"}`.

    A form holds text only: None becomes empty, and the reader must know the types.
    """
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, (list, tuple)):
        items = list(enumerate(value))
    else:
        return {key: "" if value is None else str(value)}
    fields: dict[str, str] = {}
    for name, item in items:
        fields |= to_form(item, f"{key}[{name}]" if key else str(name))
    return fields


def as_literal(value: Any) -> Any:
    """A list or dict as the text of a Python literal, of which a form loses no types.

    Anything else stays as it is, and so does what is longer than LONGEST_LITERAL.
    """
    if not isinstance(value, (list, dict)):
        return value
    text = repr(json.loads(json.dumps(value)))
    return text if len(text) <= LONGEST_LITERAL else value


def given(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the parameters that are not None."""
    return {name: value for name, value in parameters.items() if value is not None}


def log_period(
    from_datetime: datetime | None, to_datetime: datetime | None, limit: int | None
) -> str:
    """The body of a question for log lines. Raises InvalidParameters."""
    period = {
        "from": None if from_datetime is None else milliseconds(from_datetime, "from_datetime"),
        "to": None if to_datetime is None else milliseconds(to_datetime, "to_datetime"),
        "limit": limit,
    }
    return to_json(given(period), "'limit'")


def milliseconds(moment: datetime, what: str) -> int:
    """Since 1970; without a zone it is local time. Raises InvalidParameters for anything else."""
    if not isinstance(moment, datetime):
        raise InvalidParameters(f"{what!r} must be a datetime.")
    return int(moment.timestamp() * 1000)
