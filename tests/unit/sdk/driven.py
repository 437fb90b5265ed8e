"""The asynchronous client behind plain calls, so that one test is for both clients."""

import asyncio
import inspect
from collections.abc import AsyncGenerator, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, cast

import httpx

from pumphouse.sdk import AsyncPumphouseSdk, PumphouseSdk

CLIENTS = ["plain", "asynchronous"]


class _Driven:
    """Runs each call to its end on a loop, and steps through what is iterated."""

    def __init__(self, sdk: AsyncPumphouseSdk, runner: asyncio.Runner) -> None:
        self._sdk = sdk
        self._runner = runner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._sdk, name)
        if inspect.iscoroutinefunction(found):
            return lambda *given, **named: self._run(found(*given, **named))
        if inspect.isasyncgenfunction(found):
            return lambda *given, **named: self._stepped(found(*given, **named))
        return found

    def _run(self, call: Coroutine[Any, Any, Any]) -> Any:
        async def caller() -> Any:
            return await call

        return self._runner.run(caller(), context=copy_context())

    def _stepped(self, items: AsyncGenerator[Any, None]) -> Iterator[Any]:
        async def step() -> tuple[bool, Any]:
            try:
                return True, await anext(items)
            except StopAsyncIteration:
                return False, None

        while (stepped := self._run(step()))[0]:
            yield stepped[1]


@contextmanager
def client(
    kind: str, url: str, token: str, wire: httpx.MockTransport | None = None, **named: Any
) -> Iterator[PumphouseSdk]:
    """A client of one of CLIENTS, closed at the end; the calls of both are plain ones."""
    if kind == "plain":
        with PumphouseSdk(url, token, wire=wire, **named) as sdk:
            yield sdk
        return
    with asyncio.Runner() as runner:
        asynchronous = AsyncPumphouseSdk(url, token, wire=wire, **named)
        try:
            yield cast(PumphouseSdk, _Driven(asynchronous, runner))
        finally:
            runner.run(asynchronous.close())
