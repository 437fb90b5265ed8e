"""Everything the SDK raises.

SdkError
├── InvalidParameters   the call cannot be made like this; the message names what to change
│   └── TooLarge
├── Unauthorized        no token, or a wrong one
├── Forbidden           the token does not allow this
├── NotFound
├── Conflict            the name is taken, a dependant exists, the deployment is disabled
├── NotSupported        this installation does not have the feature
├── ExecutionFailed     the function ran and failed, or could not be run
├── CreationFailed      the pipeline or deployment could not be made ready
├── TimedOut            the wait is over; what was waited for goes on
└── Unreachable         nobody answers at the address, or not now
"""

from http import HTTPStatus
from typing import Any, ClassVar

import httpx
import msgspec


class SdkError(Exception):
    """Base of the tree, and what an answer becomes that fits none of its classes.

    name: of the kind of error, as the platform gives it. message: what happened and what to
    change. status_code: of the HTTP answer, None when the SDK itself refuses. request_id: finds
    the request in the platform's own logs. additional_data: details for programs.
    """

    default_name: ClassVar[str] = "SdkError"

    def __init__(
        self,
        message: str,
        status_code: int | None = None,
        name: str | None = None,
        request_id: str | None = None,
        additional_data: Any = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status_code = status_code
        self.name = name or self.default_name
        self.request_id = request_id
        self.additional_data = additional_data

    def __str__(self) -> str:
        lines = [f"[{self.name}] {self.message}"]
        if self.additional_data:
            lines.append(f"Details: {self.additional_data}")
        if self.request_id:
            lines.append(f"Request: {self.request_id}")
        return "\n".join(lines)


class InvalidParameters(SdkError, ValueError):
    default_name = "InvalidParameters"


class TooLarge(InvalidParameters):
    default_name = "TooLarge"


class Unauthorized(SdkError):
    default_name = "Unauthorized"


class Forbidden(SdkError):
    default_name = "Forbidden"


class NotFound(SdkError):
    default_name = "NotFound"


class Conflict(SdkError):
    default_name = "Conflict"


class NotSupported(SdkError):
    default_name = "NotSupported"


class ExecutionFailed(SdkError):
    default_name = "PipelineExecutionFailed"


class CreationFailed(SdkError):
    default_name = "CreationFailed"


class TimedOut(SdkError):
    default_name = "TimeoutException"


class Unreachable(SdkError):
    default_name = "RequestError"


_BY_NAME: dict[str, type[SdkError]] = {
    ExecutionFailed.default_name: ExecutionFailed,
    NotSupported.default_name: NotSupported,
    "EntityTooLarge": TooLarge,
}
"""Names that the platform gives, and that object stores give."""

_BY_STATUS: dict[int, type[SdkError]] = {
    HTTPStatus.BAD_REQUEST: InvalidParameters,
    HTTPStatus.UNPROCESSABLE_ENTITY: InvalidParameters,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: TooLarge,
    HTTPStatus.UNAUTHORIZED: Unauthorized,
    HTTPStatus.FORBIDDEN: Forbidden,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.NOT_IMPLEMENTED: NotSupported,
    HTTPStatus.BAD_GATEWAY: Unreachable,
    HTTPStatus.SERVICE_UNAVAILABLE: Unreachable,
    HTTPStatus.GATEWAY_TIMEOUT: Unreachable,
}


class _ErrorBody(msgspec.Struct):
    name: str | None = None
    message: str | None = None
    request_id: str | None = None
    additional_data: Any = None


def error_of(reply: httpx.Response) -> SdkError:
    """The error that an answer of status 400 or more stands for."""
    try:
        body = msgspec.json.decode(reply.content, type=_ErrorBody)
    except msgspec.MsgspecError:
        body = _ErrorBody()
    return error_for(
        reply.status_code,
        body.message
        or f"{reply.request.method} {reply.url.path} was answered {reply.status_code} "
        f"{reply.reason_phrase} without saying why.",
        name=body.name,
        request_id=body.request_id,
        additional_data=body.additional_data,
    )


def error_for(status_code: int, message: str, name: str | None = None, **details: Any) -> SdkError:
    """An error of the class that its name or else its status stands for."""
    kind = _BY_NAME.get(name or "") or _BY_STATUS.get(status_code, SdkError)
    return kind(message, status_code=status_code, name=name, **details)
