"""What executions record, as the registry keeps it."""

import asyncio
import itertools
import math

import pytest

from pumphouse.bus import Bus
from pumphouse.contracts.catalog import Pipeline
from pumphouse.contracts.definitions import (
    DeploymentSubmitted,
    PipelineDiscarded,
    PipelineSubmitted,
)
from pumphouse.contracts.executions import TriggerAccepted
from pumphouse.contracts.metrics import (
    MetricExtended,
    MetricFilter,
    MetricList,
    MetricListsListed,
    MetricListsQueried,
    MetricPart,
    MetricRecorded,
    MetricsListed,
    MetricsQueried,
    MetricValuesQueried,
)
from pumphouse.contracts.records import ExecutionDiscarded
from pumphouse.errors import NotFound
from pumphouse.postgres import open_pool
from tests.integration.registry.things import deployment, new_id, pipeline, trigger

PIPELINE = pipeline()
OTHER = pipeline("triple")
SERVED = deployment(PIPELINE)
PAGE = 10
VERSION_4 = "f47ac10b-58cc-4372-a567-0e02b2c3d479"


@pytest.fixture
async def filled(registry: Bus) -> Bus:
    """A registry that knows PIPELINE, OTHER and SERVED."""
    for defined in (PIPELINE, OTHER):
        await registry.request(PipelineSubmitted(pipeline=defined))
    await registry.request(DeploymentSubmitted(deployment=SERVED))
    return registry


async def accepted(bus: Bus, of: Pipeline = PIPELINE, **other: object) -> TriggerAccepted:
    execution = trigger(of, **other)
    await bus.publish(execution)
    return execution


async def record(bus: Bus, of: TriggerAccepted, name: str, value: float) -> None:
    await bus.request(MetricRecorded(execution_id=of.execution_id, name=name, value=value))


async def extend(bus: Bus, of: TriggerAccepted, name: str, *values: float) -> None:
    await bus.request(MetricExtended(execution_id=of.execution_id, name=name, values=values))


async def metrics(bus: Bus, offset: int = 0, **wanted: str) -> MetricsListed:
    """A page of at most PAGE."""
    wish = MetricFilter(**wanted)
    return await bus.request(MetricsQueried(filter=wish, offset=offset, limit=PAGE))


async def lists(bus: Bus, offset: int = 0, **wanted: str) -> MetricListsListed:
    """A page of at most PAGE."""
    wish = MetricFilter(**wanted)
    return await bus.request(MetricListsQueried(filter=wish, offset=offset, limit=PAGE))


async def values(bus: Bus, of: MetricList, first: int = 0, count: int = 10**9) -> list[float]:
    part = MetricPart(of.id, first, count)
    return list((await bus.request(MetricValuesQueried(parts=(part,)))).values[0])


async def test_a_value_is_kept_with_what_it_belongs_to(filled: Bus) -> None:
    execution = await accepted(filled, deployment_id=SERVED.id)
    await record(filled, execution, "accuracy", 0.75)
    [found] = (await metrics(filled)).metrics
    assert (found.name, found.value, found.execution_id) == (
        "accuracy",
        0.75,
        execution.execution_id,
    )
    assert (found.pipeline_id, found.deployment_id) == (PIPELINE.id, SERVED.id)


async def test_a_value_recorded_again_replaces_the_first(filled: Bus) -> None:
    execution = await accepted(filled)
    await record(filled, execution, "accuracy", 0.5)
    first = (await metrics(filled)).metrics[0]
    await record(filled, execution, "accuracy", 0.75)
    [found] = (await metrics(filled)).metrics
    assert found.value == 0.75
    assert found.created_at == first.created_at


async def test_values_are_exact(filled: Bus) -> None:
    execution = await accepted(filled)
    exact = (0.1 + 0.2, 5e-324, -1.7976931348623157e308, -0.0, 2.0**53 + 2)
    await extend(filled, execution, "exact", *exact)
    [found] = (await lists(filled)).lists
    read = await values(filled, found)
    assert read == list(exact)
    assert math.copysign(1, read[3]) == -1


async def test_a_list_grows_in_order(filled: Bus) -> None:
    execution = await accepted(filled)
    for batch in ((3.0, 2.0), (1.5,), tuple(float(n) for n in range(10_000))):
        await extend(filled, execution, "loss", *batch)
    [found] = (await lists(filled)).lists
    assert found.length == 10_003
    whole = [3.0, 2.0, 1.5, *(float(n) for n in range(10_000))]
    assert await values(filled, found) == whole
    assert await values(filled, found, first=1, count=4) == whole[1:5]
    assert await values(filled, found, first=9_999, count=100) == whole[9_999:]


async def test_batches_that_come_at_once_all_arrive_whole(filled: Bus) -> None:
    execution = await accepted(filled)
    await asyncio.gather(*(extend(filled, execution, "loss", *([float(n)] * 5)) for n in range(40)))
    [found] = (await lists(filled)).lists
    runs = [(n, len(list(run))) for n, run in itertools.groupby(await values(filled, found))]
    assert sorted(runs) == [(float(n), 5) for n in range(40)]


async def test_no_values_make_no_list(filled: Bus) -> None:
    execution = await accepted(filled)
    await extend(filled, execution, "loss")
    assert await lists(filled) == MetricListsListed(total_count=0)


@pytest.mark.parametrize("execution_id", ["nonsense", "", "a\0b", VERSION_4])
async def test_an_unknown_execution_is_not_found(filled: Bus, execution_id: str) -> None:
    async with asyncio.timeout(30):
        with pytest.raises(NotFound):
            await filled.request(MetricRecorded(execution_id=execution_id, name="m", value=1))
        with pytest.raises(NotFound):
            await filled.request(MetricExtended(execution_id=execution_id, name="m", values=(1,)))
        with pytest.raises(NotFound):
            await filled.request(MetricExtended(execution_id=execution_id, name="m", values=()))


async def test_the_record_of_an_execution_accepted_just_now_is_waited_for(filled: Bus) -> None:
    execution = trigger(PIPELINE)
    recording = asyncio.create_task(record(filled, execution, "accuracy", 1))
    done, _ = await asyncio.wait([recording], timeout=0.2)
    assert not done
    await filled.publish(execution)
    await recording
    assert (await metrics(filled)).total_count == 1


async def test_nothing_is_recorded_for_a_deleted_execution(filled: Bus) -> None:
    execution = await accepted(filled)
    await record(filled, execution, "accuracy", 1)
    await extend(filled, execution, "loss", 1, 2)
    await filled.request(ExecutionDiscarded(execution_id=execution.execution_id))
    assert (await metrics(filled)).total_count == 0
    assert (await lists(filled)).total_count == 0
    with pytest.raises(NotFound):
        await record(filled, execution, "accuracy", 1)


async def test_metrics_go_with_their_pipeline_values_included(
    filled: Bus, database_url: str
) -> None:
    await extend(filled, await accepted(filled, OTHER), "loss", 1, 2)
    await filled.request(PipelineDiscarded(pipeline_id=OTHER.id))
    assert (await lists(filled)).total_count == 0
    async with open_pool(database_url, name="test") as pool:
        assert await pool.fetchval("select count(*) from registry.metric_values") == 0


async def test_each_filter_narrows(filled: Bus) -> None:
    run = await accepted(filled)
    served = await accepted(filled, deployment_id=SERVED.id)
    other = await accepted(filled, OTHER)
    for execution in (run, served, other):
        await record(filled, execution, "accuracy", 1)
        await extend(filled, execution, "loss", 1)
    await record(filled, run, "recall", 1)

    async def executions(**wanted: str) -> list[str]:
        page = await metrics(filled, 0, **wanted)
        return [metric.execution_id for metric in page.metrics]

    async def executions_of_lists(**wanted: str) -> list[str]:
        return [one.execution_id for one in (await lists(filled, 0, **wanted)).lists]

    ids = [execution.execution_id for execution in (run, served, other)]
    for found in (executions, executions_of_lists):
        assert await found(name="accuracy" if found is executions else "loss") == ids
        assert await found(deployment_id=SERVED.id) == ids[1:2]
        assert await found(pipeline_id=OTHER.id) == ids[2:]
        assert await found(execution_id=new_id()) == []
        assert await found(name="nothing") == []
    assert await executions(execution_id=run.execution_id) == [ids[0]] * 2
    assert await executions(execution_id=run.execution_id, name="recall") == ids[:1]
    assert await executions(pipeline_id=PIPELINE.id, name="accuracy") == ids[:2]
    assert await executions_of_lists(pipeline_id=PIPELINE.id, name="loss") == ids[:2]


async def test_pages_hold_every_metric_once_and_count_them_all(filled: Bus) -> None:
    execution = await accepted(filled)
    for number in range(25):
        await record(filled, execution, f"m{number}", number)
        await extend(filled, execution, f"l{number}", number)
    pages = [await metrics(filled, offset=offset) for offset in (0, 10, 20, 30)]
    assert [page.total_count for page in pages] == [25] * 4
    assert [m.value for page in pages for m in page.metrics] == [float(n) for n in range(25)]
    of_lists = [await lists(filled, offset=offset) for offset in (0, 10, 20, 30)]
    assert [page.total_count for page in of_lists] == [25] * 4
    assert [one.name for page in of_lists for one in page.lists] == [f"l{n}" for n in range(25)]


async def test_values_of_many_lists_come_apart_and_those_of_none_empty(filled: Bus) -> None:
    execution = await accepted(filled)
    for number in range(3):
        await extend(filled, execution, f"l{number}", *([float(number)] * (number + 1)))
    ids = [one.id for one in (await lists(filled)).lists]
    parts = (MetricPart(ids[2], 1, 2), MetricPart(10**12, 0, 5), MetricPart(ids[0], 0, 1))
    answer = await filled.request(MetricValuesQueried(parts=parts))
    assert answer.values == ((2.0, 2.0), (), (0.0,))
