"""From what was raised to what a client reads."""

import logging
import uuid
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, InternalServerException

from pumphouse.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    NotSupported,
    PumphouseError,
    TooLarge,
    Unauthorized,
    Unavailable,
)

logger = logging.getLogger(__name__)


class ExecutionFailed(PumphouseError):
    """The outputs of an execution were asked for, and it ended without any."""

    code = "PipelineExecutionFailed"


STATUS: dict[type[PumphouseError], HTTPStatus] = {
    Invalid: HTTPStatus.BAD_REQUEST,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Unauthorized: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    NotSupported: HTTPStatus.UNPROCESSABLE_ENTITY,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    ExecutionFailed: HTTPStatus.INTERNAL_SERVER_ERROR,
}

_NAMES = {
    HTTPStatus.NOT_FOUND: NotFound.code,
    HTTPStatus.METHOD_NOT_ALLOWED: "MethodNotAllowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: TooLarge.code,
}

_MESSAGES = {
    HTTPStatus.NOT_FOUND: "Nothing is served at this address.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not take this HTTP method.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than this address takes.",
}


class Problem(msgspec.Struct, frozen=True):
    """The body of every refusal."""

    name: str
    message: str
    request_id: str
    additional_data: Any = None


def status_of(kind: type[PumphouseError]) -> HTTPStatus:
    """The HTTP status of an error, or of the nearest class above it that has one."""
    known = (STATUS[parent] for parent in kind.__mro__ if parent in STATUS)
    return next(known, HTTPStatus.INTERNAL_SERVER_ERROR)


def answer_problem(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The answer to a request that raised `error`; only the log learns of what we did not mean."""
    request_id = uuid.uuid4().hex
    headers = {"X-Request-Id": request_id}
    match error:
        case HTTPException(status_code=status_code) if status_code < 500:
            status = HTTPStatus(status_code)
            name = _NAMES.get(status, Invalid.code)
            problem = Problem(name, _MESSAGES.get(status, error.detail), request_id)
            headers |= {key: str(value) for key, value in (error.headers or {}).items()}
        case InternalServerException():
            status = HTTPStatus.BAD_REQUEST
            message = "The request ended before its body was complete."
            problem = Problem(Invalid.code, message, request_id)
        case PumphouseError() if type(error) is not PumphouseError:
            status = status_of(type(error))
            problem = Problem(error.code, error.message, request_id, error.details)
        case _:
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            logger.error(
                "%s %s failed, request %s",
                request.method,
                request.scope["path"],
                request_id,
                exc_info=error,
            )
            message = f"The platform failed on this request; its log knows it as {request_id}."
            problem = Problem(PumphouseError.code, message, request_id)
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "1"
    content = msgspec.json.encode(problem)
    return Response(content, status_code=status, media_type="application/json", headers=headers)
