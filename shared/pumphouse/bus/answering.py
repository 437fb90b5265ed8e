"""Requests and their answers, errors included, whatever carries them."""

import logging
from typing import NoReturn

from pumphouse.bus.interface import RequestHandlers
from pumphouse.contracts.codec import decode
from pumphouse.contracts.message import Message, Request, RequestRefused, tag_of
from pumphouse.errors import Invalid, PumphouseError, Unavailable, named

log = logging.getLogger(__name__)


async def answer(body: bytes, handlers: RequestHandlers) -> Message:
    """What the handler of the request in `body` answers, or why it refuses. Never raises."""
    try:
        request = decode(body)
        handler = handlers.get(type(request)) if isinstance(request, Request) else None
        if handler is None:
            raise Invalid(f"{tag_of(type(request))} is no request that is served here.")
        return await handler(request)
    except PumphouseError as error:
        return RequestRefused(code=error.code, message=error.message, details=error.details)
    except Exception:
        log.exception("A request failed.")
        return RequestRefused(
            code=PumphouseError.code, message="The request failed inside the platform."
        )


def raise_refused(refused: RequestRefused) -> NoReturn:
    """Raise at the requester what the answering handler raised."""
    raise named(refused.code)(refused.message, refused.details)


def nobody_serves(tag: str) -> Unavailable:
    return Unavailable(f"No service answers {tag} now. Try again in a moment.")


def no_answer(tag: str, timeout: float) -> Unavailable:
    return Unavailable(f"{tag} was not answered within {timeout:g} s.")
