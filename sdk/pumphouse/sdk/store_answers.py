"""What the object store answers when it does not do what it was asked."""

import html
import re

import httpx

from pumphouse.sdk.errors import SdkError, Unreachable, error_for

_ELEMENT = re.compile(r"<(\w+)>([^<]*)</\1>")


def store_error(reply: httpx.Response, text: str) -> SdkError:
    """The error that an answer stands for. text: its body, which is XML if the store wrote it."""
    found = {name: html.unescape(value) for name, value in _ELEMENT.findall(text)}
    what = found.pop("Message", "") or f"{place(reply.request)} answered {reply.status_code}."
    name = found.pop("Code", None)
    if reply.is_server_error:
        return Unreachable(what, reply.status_code, name, additional_data=found)
    return error_for(reply.status_code, what, name, additional_data=found)


def broken_off(request: httpx.Request, error: httpx.HTTPError) -> Unreachable:
    reason = str(error) or type(error).__name__
    return Unreachable(
        f"The transfer with {place(request)} broke off: {reason}. Check that the object store of "
        "the platform can be reached from here."
    )


def place(request: httpx.Request) -> str:
    return f"the object store at {request.url.copy_with(path='/', query=None)}"
