"""What the query of a request asks for."""

import re

from pumphouse.errors import Invalid
from pumphouse.gateway.bodies import ApiRequest

_WHOLE = re.compile(r"[0-9]{1,18}", re.ASCII)

_YES_OR_NO = {"true": True, "1": True, "false": False, "0": False}


def is_asked_to_wait(request: ApiRequest) -> bool:
    """Whether the query asks for the end; older clients have another word for it."""
    query = request.query_params
    asked = (query.get("wait_for_completion", ""), query.get("wait_for_results", ""))
    return "true" in (text.lower() for text in asked)


def whole_number(
    request: ApiRequest, name: str, *, least: int, most: int, otherwise: int | None = None
) -> int:
    """A number of the query; `otherwise` is one that is not there. Raises Invalid."""
    text = request.query_params.get(name)
    if text is None and otherwise is not None:
        return otherwise
    if text is None or not _WHOLE.fullmatch(text) or not least <= int(text) <= most:
        raise Invalid(f"{name} must be a whole number from {least} to {most}.")
    return int(text)


def yes_or_no(request: ApiRequest, name: str) -> bool:
    """A choice of the query; no when it is not there. Raises Invalid."""
    text = request.query_params.get(name, "false").lower()
    if text not in _YES_OR_NO:
        raise Invalid(f"{name} must be true or false.")
    return _YES_OR_NO[text]
