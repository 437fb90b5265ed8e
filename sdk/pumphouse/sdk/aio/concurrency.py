"""What an event loop has: pauses, locks, threads for slow calls, a few tasks at once.

The one module that is not translated: `sync.concurrency` has the same names for plain calls.
"""

import asyncio
from asyncio import Lock, sleep
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from typing import ParamSpec, TypeVar

__all__ = ["Lock", "a_few_at_once", "entered", "off_the_loop", "sleep"]

P = ParamSpec("P")
A = TypeVar("A")
B = TypeVar("B")


async def off_the_loop(work: Callable[P, A], *args: P.args, **kwargs: P.kwargs) -> A:
    """What a call gives that may take a while, such as a read or a write of a file."""
    return await asyncio.to_thread(work, *args, **kwargs)


@asynccontextmanager
async def entered(manager: AbstractContextManager[A]) -> AsyncIterator[A]:
    """A context whose beginning and end may take a while, such as that of an open file."""
    value = await asyncio.to_thread(manager.__enter__)
    try:
        yield value
    except BaseException as error:
        if not await asyncio.to_thread(manager.__exit__, type(error), error, error.__traceback__):
            raise
    else:
        await asyncio.to_thread(manager.__exit__, None, None, None)


async def a_few_at_once(
    most: int,
    act: Callable[[A], Awaitable[B]],
    items: AsyncIterator[A],
    done: Callable[[B], None],
) -> None:
    """Act on each item, on `most` of them at a time. The first error ends it.

    done: is given what each act gave, in the order of the items.
    """

    async def one(item: A) -> B:
        return await act(item)

    running: deque[asyncio.Task[B]] = deque()
    try:
        async for item in items:
            if len(running) == most:
                done(await running.popleft())
            running.append(asyncio.create_task(one(item)))
        while running:
            done(await running.popleft())
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
