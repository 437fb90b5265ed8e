"""A line lets through in order."""

import asyncio

from pumphouse.executor.line import Line


async def test_who_came_first_is_let_through_first_however_long_it_takes() -> None:
    line, passed = Line(), []

    async def stand(name: int, ready: asyncio.Event) -> None:
        with line.joined() as turn:
            await ready.wait()
            await turn.come()
            passed.append(name)
            turn.leave()

    ready = [asyncio.Event() for _ in range(4)]
    tasks = [asyncio.create_task(stand(name, ready[name])) for name in range(4)]
    for name in (3, 1, 2, 0):
        ready[name].set()
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert passed == [0, 1, 2, 3]


async def test_who_gives_up_holds_nobody_up() -> None:
    line = Line()
    with line.joined() as first:
        await first.come()
        waiting = line.joined()
        second = waiting.__enter__()
        with line.joined() as third:
            waiting.__exit__(None, None, None)
            first.leave()
            await asyncio.wait_for(third.come(), 10)
        second.leave()
        first.leave()


async def test_nobody_passes_before_the_one_ahead_has_left() -> None:
    line = Line()
    with line.joined(), line.joined() as second:
        coming = asyncio.create_task(second.come())
        await asyncio.sleep(0)
        assert not coming.done()
        coming.cancel()
