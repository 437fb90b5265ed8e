"""Access tokens: short-lived, and told apart by how long they live."""

import base64
from http import HTTPStatus

import httpx
import msgspec

from pumphouse.sdk.errors import SdkError, error_of

MARGIN_S = 120.0
"""An access token is renewed this long before it expires, or after half of a shorter life."""


class AccessToken(msgspec.Struct, frozen=True):
    """renew_at: by the clock of who asked for it, in seconds."""

    text: str
    renew_at: float


class _Answer(msgspec.Struct):
    access_token: str


class _Claims(msgspec.Struct):
    exp: float
    iat: float


def access_token(reply: httpx.Response, asked_at: float) -> AccessToken:
    """The token that the platform answered with. Only the length of its life is read from it, so
    clocks need not agree. Raises what the answer stands for, SdkError if it holds no token."""
    if reply.status_code >= HTTPStatus.BAD_REQUEST:
        raise error_of(reply)
    try:
        text = msgspec.json.decode(reply.content, type=_Answer).access_token
        claims = msgspec.json.decode(_segment(text, 1), type=_Claims)
    except (msgspec.MsgspecError, ValueError, IndexError) as error:
        raise SdkError(
            f"{reply.url} did not answer with an access token: is it the address of a Pumphouse?"
        ) from error
    life_s = claims.exp - claims.iat
    return AccessToken(text, asked_at + life_s - min(MARGIN_S, life_s / 2))


def _segment(token: str, index: int) -> bytes:
    text = token.split(".")[index]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
