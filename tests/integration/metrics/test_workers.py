"""Which executors there are, over HTTP."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pumphouse.contracts.metrics import Sample, WorkerSampled
from tests.integration.metrics.conftest import Served

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORKERS = "/api/v1/workers"


async def sampled(served: Served, worker: str, at: datetime, **told: Any) -> None:
    sample = Sample(at=at, cpu=0, ram=0, disk=0, network_in=0, network_out=0)
    await served.bus.publish(
        WorkerSampled(worker=worker, host="one", sample=sample, total_ram=8, total_disk=90, **told)
    )


async def shown(served: Served, count: int) -> list[dict[str, Any]]:
    """The answer, once it is of `count` workers."""
    async with asyncio.timeout(60):
        while True:
            reply = await served.http.get(WORKERS)
            assert reply.status_code == 200, reply.text
            found: list[dict[str, Any]] = reply.json()
            if len(found) == count:
                return found
            await asyncio.sleep(0.02)


async def test_the_executors_of_the_last_minute_are_listed_with_what_they_can_run(
    served: Served,
) -> None:
    now = datetime.now(UTC)
    missing = ("user namespace: the system does not allow it",)
    await sampled(served, "one-1", now - timedelta(seconds=90))
    await sampled(served, "one-2", now - timedelta(seconds=5))
    await sampled(
        served, "one-3", now, isolation=2, missing=missing, slots=4, pythons=("3.11", "3.12")
    )
    plain, able = await shown(served, 2)
    assert able == {
        "worker": "one-3",
        "host": "one",
        "isolation": 2,
        "missing": [*missing],
        "slots": 4,
        "pythons": ["3.11", "3.12"],
        "seen_at": able["seen_at"],
        "total_ram": 8,
        "total_disk": 90,
    }
    assert datetime.fromisoformat(able["seen_at"]) == now
    assert (plain["worker"], plain["isolation"], plain["missing"]) == ("one-2", 0, [])
    assert (plain["slots"], plain["pythons"]) == (0, [])


async def test_who_is_not_signed_in_learns_nothing_of_them(served: Served) -> None:
    reply = await served.http.get(WORKERS, headers={"Authorization": ""})
    assert reply.status_code == 401
