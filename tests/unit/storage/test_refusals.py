import pytest

from pumphouse.errors import (
    Conflict,
    Invalid,
    NotFound,
    PumphouseError,
    TooLarge,
    Unavailable,
)
from pumphouse.storage.refusals import KeysRefused, refusal


def _xml(code: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>Because é.</Message></Error>"
    ).encode()


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "NoSuchKey", NotFound),
        (404, "NoSuchUpload", NotFound),
        (200, "NoSuchUpload", NotFound),
        (404, "NoSuchBucket", Unavailable),
        (403, "SignatureDoesNotMatch", KeysRefused),
        (401, "AccessDenied", KeysRefused),
        (503, "SlowDown", Unavailable),
        (500, "InternalError", Unavailable),
        (200, "InternalError", Unavailable),
        (507, "XMinioStorageFull", Unavailable),
        (400, "RequestTimeout", Unavailable),
        (429, "TooManyRequests", Unavailable),
        (499, "ClientDisconnected", Unavailable),
        (400, "EntityTooSmall", Invalid),
        (200, "InvalidPart", Invalid),
        (400, "InvalidPartOrder", Invalid),
        (400, "KeyTooLongError", Invalid),
        (400, "XMinioParentIsObject", Invalid),
        (400, "EntityTooLarge", TooLarge),
        (409, "BucketAlreadyOwnedByYou", Conflict),
        (301, "PermanentRedirect", PumphouseError),
        (400, "SomethingNew", PumphouseError),
    ],
)
def test_a_refusal_is_told_in_the_words_of_the_platform(
    status: int, code: str, kind: type[PumphouseError]
) -> None:
    assert type(refusal(status, _xml(code), "It is absent.")) is kind


def test_what_is_absent_is_said_by_the_caller() -> None:
    assert refusal(404, b"", "No object is stored at 'a'.").message == "No object is stored at 'a'."


def test_the_reason_of_the_store_is_kept() -> None:
    assert "SlowDown: Because é." in refusal(503, _xml("SlowDown"), "").message


@pytest.mark.parametrize("content", [b"", b"<html>", b"Bad gateway", b"\xff\xfe", b"<a/>"])
def test_an_answer_that_no_store_gives_is_told_by_its_status(content: bytes) -> None:
    error = refusal(502, content, "")
    assert type(error) is Unavailable
    assert "HTTP status 502" in error.message
