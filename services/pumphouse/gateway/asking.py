"""What the query of a request asks for."""

import re
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from pumphouse.errors import Invalid
from pumphouse.gateway.bodies import ApiRequest
from pumphouse.gateway.described import Parameter

_WHOLE = re.compile(r"[0-9]{1,18}", re.ASCII)

_YES_OR_NO = {"true": True, "1": True, "false": False, "0": False}

WAIT = Parameter(
    "wait_for_completion", "Hold the answer until the end, or for a while at most.", bool
)


def is_asked_to_wait(request: ApiRequest) -> bool:
    """Whether the query asks for the end; older clients have another word for it."""
    query = request.query_params
    asked = (query.get(WAIT.name, ""), query.get("wait_for_results", ""))
    return "true" in (text.lower() for text in asked)


@dataclass(frozen=True)
class WholeNumber:
    """A number of the query. otherwise: what one is that is not there; None to refuse that."""

    name: str
    description: str
    least: int
    most: int
    otherwise: int | None = None

    @property
    def parameter(self) -> Parameter:
        kind = Annotated[int, Meta(ge=self.least, le=self.most)]
        return Parameter(self.name, self.description, kind, is_required=self.otherwise is None)

    def of(self, request: ApiRequest) -> int:
        """What the query says. Raises Invalid."""
        text = request.query_params.get(self.name)
        if text is None and self.otherwise is not None:
            return self.otherwise
        if text is None or not _WHOLE.fullmatch(text) or not self.least <= int(text) <= self.most:
            raise Invalid(f"{self.name} must be a whole number from {self.least} to {self.most}.")
        return int(text)


def yes_or_no(request: ApiRequest, name: str) -> bool:
    """A choice of the query; no when it is not there. Raises Invalid."""
    text = request.query_params.get(name, "false").lower()
    if text not in _YES_OR_NO:
        raise Invalid(f"{name} must be true or false.")
    return _YES_OR_NO[text]
