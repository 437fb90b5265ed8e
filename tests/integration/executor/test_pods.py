"""Pods of low latency deployments, in real processes."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from pumphouse.bus.topology import pod_queue
from pumphouse.contracts.catalog import Code, Deployment
from pumphouse.contracts.executions import ExecutionFinished, PlanResolved
from pumphouse.contracts.vocabulary import DeploymentStatus, Mode, Status
from pumphouse.executor import pipes
from tests.integration.executor.platform import NOW, Platform, is_alive

COUNTER = """
import uuid
count = 0
life = uuid.uuid4().hex

def main(step=1):
    global count
    count += step
    return {"v": [life, count]}
"""


def plan_for(platform: Platform, deployment: Deployment, code: Code, **fields: Any) -> PlanResolved:
    inputs = fields.pop("inputs", {})
    outputs = fields.pop("outputs", {"v": "json"})
    return platform.plan(
        code, inputs, outputs, mode=Mode.LOW_LATENCY, deployment_id=deployment.id, **fields
    )


async def run(
    platform: Platform, deployment: Deployment, code: Code, **fields: Any
) -> ExecutionFinished:
    plan = plan_for(platform, deployment, code, **fields)
    await platform.send(plan)
    return await platform.end(plan)


def statuses(platform: Platform) -> list[str]:
    return [report.status.value for report in platform.pod_reports]


async def test_a_deployment_gets_a_pod_before_anyone_asks(platform: Platform) -> None:
    deployment = await platform.deploy(await platform.code(COUNTER))
    await platform.until(lambda: statuses(platform) == ["up"])
    (report,) = platform.pod_reports
    assert report.deployment_id == deployment.id
    assert [pod.status for pod in report.pods] == [DeploymentStatus.UP]


async def test_state_is_kept_from_one_execution_to_the_next(platform: Platform) -> None:
    code = await platform.code(COUNTER)
    deployment = await platform.deploy(code)
    found = [(await run(platform, deployment, code)).outputs[0].value for _ in range(3)]
    assert [count for _, count in found] == [1, 2, 3]
    assert len({life for life, _ in found}) == 1


async def test_executions_run_one_at_a_time_and_in_order(platform: Platform) -> None:
    code = await platform.code(
        """
        import time
        log = []
        def main(i):
            log.append(i)
            time.sleep(0.005)
            assert log[-1] == i
            return {"v": list(log)}
        """
    )
    deployment = await platform.deploy(code)
    plans = [plan_for(platform, deployment, code, inputs={"i": i}) for i in range(30)]
    for plan in plans:
        await platform.send(plan)
    last = await platform.end(plans[-1])
    assert last.outputs[0].value == list(range(30))
    assert all(platform.ends(plan) for plan in plans)


async def test_coroutines_of_one_pod_share_their_loop(platform: Platform) -> None:
    code = await platform.code(
        """
        import asyncio
        loops = set()
        async def main():
            loops.add(asyncio.get_running_loop())
            return {"v": len(loops)}
        """
    )
    deployment = await platform.deploy(code)
    for _ in range(2):
        assert (await run(platform, deployment, code)).outputs[0].value == 1


async def test_variables_are_as_they_were_at_the_trigger(platform: Platform) -> None:
    code = await platform.code("import os\ndef main():\n    return {'v': os.environ.get('MOOD')}")
    deployment = await platform.deploy(code)
    for mood in ("calm", "keen"):
        await platform.set_variable("MOOD", mood)
        assert (await run(platform, deployment, code)).outputs[0].value == mood


async def test_each_line_belongs_to_the_execution_that_wrote_it(platform: Platform) -> None:
    code = await platform.code(
        """
        import os, subprocess, sys
        def main(i):
            print("out", i)
            print("err", i, file=sys.stderr)
            if i % 10 == 0:
                subprocess.run(["echo", f"sub {i}"])
            os.write(1, f"end {i}".encode())
        """
    )
    deployment = await platform.deploy(code)
    plans = [plan_for(platform, deployment, code, inputs={"i": i}, outputs={}) for i in range(100)]
    for plan in plans:
        await platform.send(plan)
    for i, plan in enumerate(plans):
        finished = await platform.end(plan)
        assert finished.status is Status.SUCCEEDED, finished.error
        expected = {f"out {i}", f"err {i}", f"end {i}"} | ({f"sub {i}"} if i % 10 == 0 else set())
        assert set(platform.log(plan)) == expected
        assert len(platform.log(plan)) == len(expected)


async def test_a_pod_that_closes_its_streams_still_ends_its_logs(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipes, "_MARKS_PATIENCE_S", 60)
    code = await platform.code(
        "import os, sys\ndef main():\n    print('x')\n    os.close(1)\n    sys.stderr.close()"
    )
    deployment = await platform.deploy(code)
    for expected in (["x"], []):
        plan = plan_for(platform, deployment, code, outputs={})
        await platform.send(plan)
        finished = await platform.end(plan)
        assert platform.log(plan) == expected
        assert finished.finished_at - (finished.started_at or NOW) < timedelta(seconds=50)


async def test_a_failure_does_not_stop_the_pod(platform: Platform) -> None:
    code = await platform.code(
        """
        import sys, uuid
        life = uuid.uuid4().hex
        def main(how):
            if how == "raise":
                raise ValueError("no")
            if how == "exit":
                sys.exit(1)
            if how == "return":
                return 3
            return {"v": life}
        """
    )
    deployment = await platform.deploy(code)
    await platform.until(lambda: statuses(platform) == ["up"])
    first = (await run(platform, deployment, code, inputs={"how": ""})).outputs[0].value
    for how in ("raise", "exit", "return"):
        ended = await run(platform, deployment, code, inputs={"how": how})
        assert ended.status is Status.FAILED
    again = (await run(platform, deployment, code, inputs={"how": ""})).outputs[0].value
    assert again == first
    assert statuses(platform) == ["up"]


async def test_a_pod_that_dies_in_a_run_fails_it_and_comes_back(platform: Platform) -> None:
    code = await platform.code(
        """
        import os
        def main(die):
            print("on my way")
            if die:
                os._exit(7)
            return {"v": 1}
        """
    )
    deployment = await platform.deploy(code)
    await platform.until(lambda: statuses(platform) == ["up"])
    plan = plan_for(platform, deployment, code, inputs={"die": True})
    await platform.send(plan)
    finished = await platform.end(plan)
    assert finished.status is Status.FAILED
    assert "ended by exit code 7" in (finished.error or "")
    assert "what it kept in memory is gone" in (finished.error or "")
    assert platform.log(plan) == ["on my way"]
    await platform.until(lambda: statuses(platform) == ["up", "down_retrying", "up"])
    assert (await run(platform, deployment, code, inputs={"die": False})).status is Status.SUCCEEDED


async def test_a_pod_that_dies_idle_comes_back(platform: Platform) -> None:
    code = await platform.code(COUNTER)
    deployment = await platform.deploy(code)
    await platform.until(lambda: statuses(platform) == ["up"])
    life, _ = (await run(platform, deployment, code)).outputs[0].value
    (pod,) = platform.pods()
    pod.kill()
    await platform.until(lambda: statuses(platform) == ["up", "down_retrying", "up"])
    other, count = (await run(platform, deployment, code)).outputs[0].value
    assert other != life
    assert count == 1


async def test_a_run_beyond_its_limit_restarts_the_pod(platform: Platform) -> None:
    code = await platform.code("import time\ndef main(s):\n    time.sleep(s)\n    return {'v': s}")
    deployment = await platform.deploy(code)
    finished = await run(platform, deployment, code, inputs={"s": 60}, timeout_s=1)
    assert finished.status is Status.FAILED
    assert "time limit of 1 s" in (finished.error or "")
    assert "The deployment was restarted" in (finished.error or "")
    assert (await run(platform, deployment, code, inputs={"s": 0})).status is Status.SUCCEEDED


async def test_code_that_does_not_import_fails_the_creation_and_its_plans(
    platform: Platform,
) -> None:
    code = await platform.code("raise RuntimeError('cannot load this')\ndef main():\n    pass")
    deployment = await platform.deploy(code)
    await platform.until(lambda: statuses(platform) == ["creation_failed"])
    message = platform.pod_reports[0].message or ""
    assert "RuntimeError: cannot load this" in message
    assert 'File "main.py", line 1' in message
    finished = await run(platform, deployment, code)
    assert finished.status is Status.FAILED
    assert finished.error == message


async def test_code_that_ends_its_process_while_importing_fails_the_creation(
    platform: Platform,
) -> None:
    await platform.deploy(await platform.code("import os\nos._exit(4)"))
    await platform.until(lambda: statuses(platform) == ["creation_failed"])
    assert "exit code 4" in (platform.pod_reports[0].message or "")


async def test_a_disabled_deployment_loses_its_pod_and_gets_one_again(platform: Platform) -> None:
    code = await platform.code(COUNTER)
    deployment = await platform.deploy(code)
    await platform.until(lambda: statuses(platform) == ["up"])
    (pod,) = platform.pods()
    await platform.change(deployment=replace(deployment, is_enabled=False))
    await platform.until(lambda: not is_alive(pod) and not platform.folders("pod"))
    await platform.change(deployment=deployment)
    await platform.until(lambda: statuses(platform) == ["up", "up"])


async def test_a_plan_accepted_before_the_deployment_was_disabled_still_runs(
    platform: Platform,
) -> None:
    code = await platform.code(COUNTER)
    deployment = await platform.deploy(code, is_enabled=False)
    assert (await run(platform, deployment, code)).status is Status.SUCCEEDED
    await platform.until(platform.is_at_rest)
    assert not any(status == "down_retrying" for status in statuses(platform))


async def test_a_deleted_deployment_leaves_nothing(platform: Platform) -> None:
    code = await platform.code(COUNTER)
    deployment = await platform.deploy(code)
    await platform.until(lambda: statuses(platform) == ["up"])
    await platform.change(deleted_deployment_id=deployment.id)
    await platform.until(platform.is_at_rest)
    await platform.bus.delete(pod_queue(deployment.id))


async def test_a_change_of_status_does_not_ask_for_the_pod_again(platform: Platform) -> None:
    deployment = await platform.deploy(await platform.code(COUNTER))
    await platform.until(lambda: statuses(platform) == ["up"])
    await platform.change(deployment=replace(deployment, status=DeploymentStatus.UP))
    await asyncio.sleep(0.2)
    assert statuses(platform) == ["up"]
