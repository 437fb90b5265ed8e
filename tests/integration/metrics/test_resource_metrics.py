"""How busy the machines are, over HTTP."""

import asyncio
from typing import Any

import httpx
import pytest

from pumphouse.contracts.metrics import Sample, WorkerSampled
from tests.integration.metrics.conftest import RESOURCES, Served
from tests.integration.registry import things

NOW_MS = int(things.NOW.timestamp() * 1000)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def sampled(served: Served, second: int, worker: str) -> None:
    sample = Sample(
        at=things.NOW.replace(second=second),
        cpu=12.5,
        ram=40.0,
        disk=71.5,
        network_in=2048.0,
        network_out=512.0,
    )
    await served.bus.publish(
        WorkerSampled(worker=worker, host="one", sample=sample, total_ram=8, total_disk=90)
    )


async def resources(served: Served, **query: Any) -> httpx.Response:
    return await served.http.get(RESOURCES, params=query)


async def test_the_use_of_a_machine_is_shown_as_series_and_as_csv(served: Served) -> None:
    for second in (1, 2):
        await sampled(served, second, "one,1")
    period = {"start": NOW_MS, "end": NOW_MS + 10_000}
    async with asyncio.timeout(60):
        while True:
            found = (await resources(served, **period, download="False")).json()
            if [len(series["values"]) for series in found["metrics"]["cpu_usage"]] == [2]:
                break
            await asyncio.sleep(0.02)
    assert found["additional_data"] == {"total_disk": 90, "total_ram": 8}
    first_s = NOW_MS / 1000 + 1
    assert found["metrics"] == {
        name: [
            {
                "metric": {"worker": "one,1"},
                "values": [[first_s, value], [first_s + 1, value]],
            }
        ]
        for name, value in {
            "cpu_usage": 12.5,
            "disk_usage": 71.5,
            "ram_usage": 40.0,
            "network_input_usage": 2048.0,
            "network_output_usage": 512.0,
        }.items()
    }
    reply = await resources(served, **period, download="True")
    assert reply.headers["Content-Type"].startswith("text/csv")
    assert reply.text.splitlines() == [
        "worker,timestamp,cpu_usage,disk_usage,ram_usage,network_input_usage,network_output_usage",
        '"one,1",2026-11-23T12:00:01+00:00,12.5,71.5,40.0,2048.0,512.0',
        '"one,1",2026-11-23T12:00:02+00:00,12.5,71.5,40.0,2048.0,512.0',
    ]


async def test_a_period_without_samples_is_empty(served: Served) -> None:
    found = (await resources(served, start=0, end=0)).json()
    assert found["additional_data"] == {"total_disk": 0, "total_ram": 0}
    assert found["metrics"]["cpu_usage"] == []
    assert len((await resources(served, start=0, end=0, download="true")).text.splitlines()) == 1


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({}, "start"),
        ({"start": "0"}, "end"),
        ({"start": "2", "end": "1"}, "end"),
        ({"start": "-1", "end": "1"}, "start"),
        ({"start": "x", "end": "1"}, "start"),
        ({"start": "0", "end": "1e3"}, "end"),
        ({"start": "0", "end": "253402300800000"}, "end"),
        ({"start": "0", "end": "9" * 400}, "end"),
        ({"start": "0", "end": "1", "download": "perhaps"}, "download"),
    ],
)
async def test_a_period_that_cannot_be_is_refused(
    served: Served, query: dict[str, str], named: str
) -> None:
    reply = await resources(served, **query)
    assert (reply.status_code, named in reply.json()["message"]) == (400, True)


async def test_the_longest_period_there_is_can_be_asked_for(served: Served) -> None:
    assert (await resources(served, start=0, end=253_402_300_799_999)).status_code == 200
