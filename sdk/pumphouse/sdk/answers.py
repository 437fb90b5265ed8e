"""What an answer of the platform says."""

from http import HTTPStatus
from typing import Any

import httpx
import msgspec

from pumphouse.sdk.errors import SdkError, error_of

_CONTENT_OF_FILES = ("application/octet-stream", "text/csv")


def content(reply: httpx.Response) -> Any:
    """Decoded JSON, the bytes of a file, or None. Raises the error that an answer stands for."""
    if reply.status_code >= HTTPStatus.BAD_REQUEST:
        raise error_of(reply)
    if reply.headers.get("Content-Type", "").startswith(_CONTENT_OF_FILES):
        return None if reply.status_code == HTTPStatus.NO_CONTENT else reply.content
    if not reply.content or reply.content == b"OK":
        return None
    try:
        return msgspec.json.decode(reply.content)
    except msgspec.DecodeError as error:
        raise SdkError(
            f"{reply.url} did not answer in JSON: is it the address of a Pumphouse?",
            status_code=reply.status_code,
        ) from error
