"""What threads have in place of an event loop. Written by hand: see `aio.concurrency`."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from threading import Lock
from time import sleep
from typing import ParamSpec, TypeVar

__all__ = ["Lock", "a_few_at_once", "entered", "off_the_loop", "sleep"]

P = ParamSpec("P")
A = TypeVar("A")
B = TypeVar("B")


def off_the_loop(work: Callable[P, A], *args: P.args, **kwargs: P.kwargs) -> A:
    """What a call gives."""
    return work(*args, **kwargs)


def entered(manager: AbstractContextManager[A]) -> AbstractContextManager[A]:
    """The same context."""
    return manager


def a_few_at_once(
    most: int, act: Callable[[A], B], items: Iterator[A], done: Callable[[B], None]
) -> None:
    """Act on each item, on `most` of them at a time. The first error ends it.

    done: is given what each act gave, in the order of the items.
    """
    running: deque[Future[B]] = deque()
    with ThreadPoolExecutor(most, "a-few-at-once") as pool:
        try:
            for item in items:
                if len(running) == most:
                    done(running.popleft().result())
                running.append(pool.submit(act, item))
            while running:
                done(running.popleft().result())
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
