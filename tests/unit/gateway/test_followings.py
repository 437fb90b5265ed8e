"""The memory of executions that a gateway has started."""

import asyncio
from datetime import UTC, datetime

from pumphouse.contracts.catalog import CatalogChange
from pumphouse.contracts.executions import ExecutionFinished
from pumphouse.contracts.message import Message
from pumphouse.contracts.vocabulary import Status
from pumphouse.gateway import followings
from pumphouse.gateway.followings import Followed, Followings

FINISHED = ExecutionFinished(
    execution_id="any", status=Status.SUCCEEDED, finished_at=datetime.now(UTC)
)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def follow(memory: Followings, name: str, since: float = 1000.0) -> asyncio.Future[Message]:
    reply: asyncio.Future[Message] = asyncio.Future()
    memory.follow(name, Followed("pipeline", "deployment", reply, since))
    return reply


async def end(reply: asyncio.Future[Message]) -> None:
    reply.set_result(FINISHED)
    await asyncio.sleep(0)


async def test_an_end_is_remembered_for_a_while() -> None:
    clock = Clock()
    memory = Followings(clock)
    await end(follow(memory, "one"))

    outcome = memory.outcome("one")
    assert outcome is not None
    assert outcome.status is Status.SUCCEEDED
    assert memory.ended("pipeline", None) == ("one",)
    clock.now += followings.MEMORY_S
    await end(follow(memory, "two"))
    assert memory.ended(None, "deployment") == ("two",)
    assert memory.outcome("one") is None


async def test_only_what_was_accepted_lately_is_news() -> None:
    clock = Clock()
    memory = Followings(clock)
    follow(memory, "old", since=clock.now - followings.NEWS_S - 1)
    follow(memory, "new", since=clock.now)

    assert memory.accepted("pipeline", None) == ("new",)
    assert memory.accepted("other", None) == ()


async def test_a_lost_reply_is_no_end() -> None:
    memory = Followings(Clock())
    follow(memory, "one").set_exception(RuntimeError("disconnected"))
    await asyncio.sleep(0)

    assert memory.running("one") is None
    assert not memory.has_ended("one")


async def test_what_is_deleted_is_forgotten() -> None:
    memory = Followings(Clock())
    reply = follow(memory, "running")
    await end(follow(memory, "ended"))

    memory.forget_deleted(CatalogChange(revision=1, deleted_deployment_id="deployment"))

    assert reply.cancelled()
    assert memory.ended(None, None) == ()
    assert memory.deployment_of("running") is None


async def test_the_memory_is_bounded() -> None:
    memory = Followings(Clock())
    replies = [follow(memory, str(number)) for number in range(followings.MAX_RUNNING + 10)]

    assert replies[0].cancelled()
    assert not replies[-1].cancelled()
    for reply in replies[10:]:
        reply.set_result(FINISHED)
    await asyncio.sleep(0)
    assert memory.outcome(str(len(replies) - 1)) is not None
    without_outcome = str(len(replies) - 1 - followings.MAX_OUTCOMES)
    assert memory.outcome(without_outcome) is None
    assert memory.has_ended(without_outcome)
    assert not memory.has_ended(str(len(replies) - 1 - followings.MAX_ENDED))
