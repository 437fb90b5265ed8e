"""What an object store says no with, in the words of the platform."""

from xml.etree.ElementTree import ParseError

from pumphouse.errors import (
    Conflict,
    Invalid,
    NotFound,
    PumphouseError,
    TooLarge,
    Unavailable,
)
from pumphouse.storage.answers import document, text_of

_LATER = {
    "ClientDisconnected",
    "SlowDown",
    "RequestTimeout",
    "IncompleteBody",
    "InternalError",
    "ServiceUnavailable",
}
_ABSENT = {"NoSuchKey", "NoSuchUpload"}
_INVALID = {
    "EntityTooSmall",
    "InvalidArgument",
    "InvalidPart",
    "InvalidPartOrder",
    "InvalidRequest",
    "KeyTooLongError",
    "MalformedXML",
    "XMinioInvalidObjectName",
    "XMinioParentIsObject",
}
_TOO_LARGE = {"EntityTooLarge", "MaxMessageLengthExceeded"}


class KeysRefused(Unavailable):
    """The keys of the platform are wrong: whoever runs it must mend that, and no caller can."""


def refusal(status: int, content: bytes, absent: str) -> PumphouseError:
    """The error that an answer of HTTP status `status` means. absent: says what is missing."""
    code, message = _read(content)
    said = f"{code}: {message}" if code else f"HTTP status {status}"
    if code == "NoSuchBucket":
        return Unavailable(f"The object store has lost a bucket of the platform: {message}")
    if status == 404 or code in _ABSENT:
        return NotFound(absent)
    if status in (401, 403):
        return KeysRefused(f"The object store refuses the platform's own keys: {said}")
    if status >= 500 or status in (408, 429) or code in _LATER:
        return Unavailable(f"The object store cannot answer now: {said}")
    if status == 409:
        return Conflict(f"The object store refuses this: {said}")
    if code in _TOO_LARGE or status == 413:
        return TooLarge(f"The object store refuses what is too large: {said}")
    if code in _INVALID:
        return Invalid(f"The object store refuses this: {said}")
    return PumphouseError(f"The object store answered what was not expected: {said}")


def _read(content: bytes) -> tuple[str, str]:
    """Code and message; empty when the answer is not an S3 error."""
    try:
        error = document(content)
    except ParseError:
        return "", ""
    return text_of(error, "Code"), text_of(error, "Message")
