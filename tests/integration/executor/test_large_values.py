"""Returned values that are too large to travel in a message."""

import pytest

from pumphouse.contracts.executions import ExecutionFinished
from pumphouse.contracts.vocabulary import Mode, Status
from pumphouse.storage import LARGEST_ON_BUS, get_value
from tests.integration.executor.files import objects_of, planned
from tests.integration.executor.platform import Platform

both_modes = pytest.mark.parametrize("mode", list(Mode))

SIZES = """
def main(sizes):
    return {name: "é" * (size // 2) for name, size in sizes.items()}
"""


async def sizes_kept(platform: Platform, finished: ExecutionFinished) -> dict[str, int]:
    """Size in bytes of the text of each output that was put away."""
    assert finished.status is Status.SUCCEEDED, finished.error
    kept = {}
    for output in finished.outputs:
        if output.reference is not None:
            assert output.value is None
            assert output.reference.sha256 is not None
            encoded = await get_value(platform.storage.platform, output.reference)
            assert encoded == b'"' + "é".encode() * (len(encoded) // 2 - 1) + b'"'
            kept[output.name] = len(encoded) - 2
    return kept


@both_modes
@pytest.mark.parametrize("size", [1 << 20, 7 << 20])
async def test_a_large_value_is_kept_and_does_not_travel(
    platform: Platform, mode: Mode, size: int
) -> None:
    sizes = {"a": size, "b": 10}
    plan = await planned(platform, mode, SIZES, {"sizes": sizes}, dict.fromkeys(sizes, "string"))
    await platform.send(plan)
    finished = await platform.end(plan)
    assert await sizes_kept(platform, finished) == {"a": size}
    assert finished.outputs[1].value == "é" * 5
    assert await objects_of(platform, plan) == ["outputs/0"]


async def test_only_as_many_values_are_put_away_as_must_be_the_largest_first(
    platform: Platform,
) -> None:
    sizes = {"a": 30_000, "b": 20_000, "c": 40_000, "d": 100, "e": 25_000}
    finished = await platform.run(SIZES, {"sizes": sizes}, dict.fromkeys(sizes, "string"))
    assert await sizes_kept(platform, finished) == {"a": 30_000, "c": 40_000}


async def test_what_just_fits_travels(platform: Platform) -> None:
    sizes = {"a": LARGEST_ON_BUS - 2}
    finished = await platform.run(SIZES, {"sizes": sizes}, {"a": "string"})
    assert await sizes_kept(platform, finished) == {}
    sizes = {"a": LARGEST_ON_BUS}
    finished = await platform.run(SIZES, {"sizes": sizes}, {"a": "string"})
    assert await sizes_kept(platform, finished) == {"a": LARGEST_ON_BUS}


async def test_a_large_value_of_another_type_than_declared_is_not_kept(
    platform: Platform,
) -> None:
    plan = platform.plan(await platform.code(SIZES), {"sizes": {"a": 1 << 20}}, {"a": "number"})
    await platform.send(plan)
    finished = await platform.end(plan)
    assert finished.status is Status.FAILED
    assert "'a' is declared as number" in (finished.error or "")
    assert await objects_of(platform, plan) == []
