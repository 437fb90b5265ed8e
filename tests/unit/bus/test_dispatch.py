import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from pumphouse.bus.dispatch import Dispatcher


class Gates:
    """Work that notes its start and waits until it is let through."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.cancelled: list[str] = []
        self.open: dict[str, asyncio.Event] = {}

    def work(self, name: str) -> Callable[[], Coroutine[Any, Any, None]]:
        self.open[name] = asyncio.Event()

        async def run() -> None:
            self.started.append(name)
            try:
                await self.open[name].wait()
            except asyncio.CancelledError:
                self.cancelled.append(name)
                raise

        return run


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_work_starts_in_order_and_no_more_than_the_limit_at_once() -> None:
    dispatcher, gates = Dispatcher(2), Gates()
    for name in "abcd":
        dispatcher.submit(gates.work(name))
    await settle()
    assert gates.started == ["a", "b"]
    gates.open["b"].set()
    await settle()
    assert gates.started == ["a", "b", "c"]


async def test_work_of_one_key_waits_for_the_earlier_and_lets_others_pass() -> None:
    dispatcher, gates = Dispatcher(5), Gates()
    for name, key in (("a1", "a"), ("a2", "a"), ("b1", "b"), ("none", None), ("a3", "a")):
        dispatcher.submit(gates.work(name), key)
    await settle()
    assert gates.started == ["a1", "b1", "none"]
    gates.open["a1"].set()
    await settle()
    assert gates.started == ["a1", "b1", "none", "a2"]
    gates.open["a2"].set()
    await settle()
    assert gates.started[-1] == "a3"


async def test_work_that_is_submitted_while_all_tasks_end_is_run() -> None:
    dispatcher = Dispatcher(1)
    done: list[int] = []

    async def work() -> None:
        done.append(len(done))

    for _ in range(50):
        dispatcher.submit(work)
        await asyncio.sleep(0)
    await settle()
    assert len(done) == 50


async def test_cancelled_work_leaves_its_place_and_its_key_to_the_next() -> None:
    dispatcher, gates = Dispatcher(1), Gates()
    dispatcher.submit(gates.work("first"), "key")
    dispatcher.submit(gates.work("second"), "key")
    await settle()
    [task] = asyncio.all_tasks() - {asyncio.current_task()}
    task.cancel()
    await settle()
    assert gates.started == ["first", "second"]
    assert gates.cancelled == ["first"]


async def test_what_waits_is_dropped_and_its_keys_can_be_used_again() -> None:
    dispatcher, gates = Dispatcher(1), Gates()
    dispatcher.submit(gates.work("runs"), "a")
    dispatcher.submit(gates.work("behind"), "a")
    dispatcher.submit(gates.work("waits"), "b")
    await settle()
    dispatcher.drop_waiting()
    dispatcher.submit(gates.work("again"), "b")
    gates.open["runs"].set()
    await settle()
    assert gates.started == ["runs", "again"]


async def test_draining_waits_for_the_end_and_then_cancels() -> None:
    dispatcher, gates = Dispatcher(2), Gates()
    for name in ("quick", "slow", "never"):
        dispatcher.submit(gates.work(name))
    await settle()
    gates.open["quick"].set()
    await dispatcher.drain(0.05)
    assert gates.started == ["quick", "slow", "never"]
    assert sorted(gates.cancelled) == ["never", "slow"]
    assert dispatcher.is_idle
