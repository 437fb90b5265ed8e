"""Keeps something open until the process is told to stop."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager

_log = logging.getLogger(__name__)

_STOPPING = (signal.SIGTERM, signal.SIGINT)


def run_until_stopped(
    opened: Callable[[], AbstractAsyncContextManager[object]], *, close_within_s: float = 20
) -> bool:
    """Enter what `opened` gives, and leave it at SIGTERM or SIGINT, also while it is being entered.

    True when it was left in order. Leaving is cut short after `close_within_s` seconds or by a
    second signal, and then the answer is False; a third signal ends the process on the spot.
    Raises what entering raises.
    """
    with asyncio.Runner(loop_factory=_fastest_loop()) as runner:
        return runner.run(_Lifetime(close_within_s).of(opened()))


class _Lifetime:
    def __init__(self, close_within_s: float) -> None:
        self._close_within_s = close_within_s
        self._signals = 0
        self._is_entered = False
        self._told = asyncio.Event()

    async def of(self, opened: AbstractAsyncContextManager[object]) -> bool:
        with self._signals_go_to(asyncio.current_task()):
            try:
                async with opened:
                    self._is_entered = True
                    # What a service is made of stays: no collection need look at it again.
                    gc.collect()
                    gc.freeze()
                    await self._told.wait()
            except asyncio.CancelledError:
                if not self._signals:
                    raise
                was_cut_short = self._is_entered
                if was_cut_short:
                    _log.warning("Closing was cut short.")
                return not was_cut_short
        return True

    @contextmanager
    def _signals_go_to(self, task: "asyncio.Task[object] | None") -> Iterator[None]:
        loop = asyncio.get_running_loop()
        assert task is not None
        for number in _STOPPING:
            loop.add_signal_handler(number, self._on_signal, loop, task)
        try:
            yield
        finally:
            for number in _STOPPING:
                loop.remove_signal_handler(number)

    def _on_signal(self, loop: asyncio.AbstractEventLoop, task: "asyncio.Task[object]") -> None:
        self._signals += 1
        if self._signals > 2:
            os._exit(1)
        if self._signals == 2 or not self._is_entered:
            task.cancel()
            return
        self._told.set()
        loop.call_later(self._close_within_s, task.cancel)


def _fastest_loop() -> Callable[[], asyncio.AbstractEventLoop]:
    with contextlib.suppress(ImportError):
        from uvloop import new_event_loop

        return new_event_loop
    return asyncio.new_event_loop
