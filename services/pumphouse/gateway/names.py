"""Which names may be given to what the platform keeps."""

import re
import uuid
from typing import Annotated
from unicodedata import category

from msgspec import Meta

from pumphouse.errors import Invalid, NotFound

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_ENDPOINT_TOKEN = re.compile(r"[A-Za-z0-9._~-]{8,255}")

RESERVED_PREFIXES = ("CRAFT_AI_", "PUMPHOUSE_")
"""Of the variables that the platform itself sets in an execution."""

RESERVED_PATHS = frozenset({"v1"})
"""Endpoint paths that the addresses of results need."""

MAX_TEXT_CHARACTERS = 10_000
MAX_METRIC_NAME_CHARACTERS = 255

Name = Annotated[str, Meta(extra_json_schema={"pattern": f"^{_NAME.pattern}$"})]
"""What the checks below hold of a text, as the document of the API shows it; so the others."""

VariableName = Annotated[str, Meta(extra_json_schema={"pattern": f"^{_VARIABLE.pattern}$"})]
EndpointTokenText = Annotated[
    str, Meta(extra_json_schema={"pattern": f"^{_ENDPOINT_TOKEN.pattern}$"})
]
MetricName = Annotated[
    str, Meta(extra_json_schema={"minLength": 1, "maxLength": MAX_METRIC_NAME_CHARACTERS})
]
Text = Annotated[str, Meta(extra_json_schema={"maxLength": MAX_TEXT_CHARACTERS})]
Identifier = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]


def check_name(text: str, what: str) -> None:
    """Raise Invalid unless `text` can name a pipeline or deployment, and stand in a URL."""
    if not _NAME.fullmatch(text):
        raise Invalid(
            f"{what} {_shown(text)} cannot be used: take up to 255 letters, digits, '.', '_' and"
            " '-', the first a letter or a digit."
        )


def check_endpoint_path(text: str) -> None:
    """Raise Invalid unless an endpoint can be served at `/endpoints/<text>`."""
    check_name(text, "The endpoint URL path")
    if text in RESERVED_PATHS:
        raise Invalid(f"The endpoint URL path {text!r} is reserved: set another endpoint_url_path.")


def check_endpoint_token(text: str) -> None:
    """Raise Invalid unless `text` is safe in a URL as it stands, and not too easy to guess."""
    if not _ENDPOINT_TOKEN.fullmatch(text):
        raise Invalid(
            "endpoint_token cannot be used: take 8 to 255 letters, digits, '.', '_', '~' and '-'."
        )


def check_variable_name(text: str) -> None:
    """Raise Invalid unless a process can have an environment variable of that name."""
    if not _VARIABLE.fullmatch(text):
        raise Invalid(
            f"The environment variable name {_shown(text)} cannot be used: take up to 255 letters,"
            " digits and '_', the first not a digit."
        )
    if text.startswith(RESERVED_PREFIXES):
        raise Invalid(
            f"The environment variable name {text!r} cannot be used: names that begin with"
            f" {' or '.join(RESERVED_PREFIXES)} belong to the platform."
        )


def check_metric_name(text: str) -> None:
    """Raise Invalid unless `text` can name a metric."""
    has_control = any(category(character) in ("Cc", "Cs") for character in text)
    if not text or len(text) > MAX_METRIC_NAME_CHARACTERS or has_control:
        raise Invalid(
            f"The metric name {_shown(text)} cannot be used: take up to"
            f" {MAX_METRIC_NAME_CHARACTERS} characters, none of them a control character."
        )


def check_text(text: str | None, what: str) -> None:
    """Raise Invalid unless the free text `text` can be stored."""
    if text is None:
        return
    if "\0" in text:
        raise Invalid(f"{what} has a NUL character: remove it.")
    if len(text) > MAX_TEXT_CHARACTERS:
        raise Invalid(f"{what} has more than {MAX_TEXT_CHARACTERS:,} characters: shorten it.")


def known_id(text: str, what: str) -> str:
    """`text` if it has the form of the platform's ids. Raises NotFound: no other id exists."""
    try:
        if str(uuid.UUID(text)) == text:
            return text
    except ValueError:
        pass
    raise NotFound(f"There is no {what} {_shown(text)}.")


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:80]}…")
