"""JSON answers."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import Response

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time as answers show it: ISO 8601, in UTC."""

_encoder = msgspec.json.Encoder()


def json_answer(
    value: object, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response[bytes]:
    """`value` as JSON; an integer of any size stays one, NaN becomes null."""
    return Response(
        _encoder.encode(value),
        status_code=status,
        media_type="application/json",
        headers=dict(headers or {}),
    )


def no_content() -> Response[bytes]:
    return Response(b"", status_code=HTTPStatus.NO_CONTENT)
