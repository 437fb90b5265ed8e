"""What user code finds to call the platform with."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pumphouse.contracts.executions import PlanResolved
from pumphouse.contracts.vocabulary import Mode, Status
from pumphouse.sealing.tokens import Scope, ScopeKind, execution_tokens
from tests.integration.executor.platform import SEALER, SECRET, Platform, platform_in

GATEWAY = "http://gateway.test:8000"

SHOW = """
import os
at_import = dict(os.environ)

def main():
    return {"v": [at_import, dict(os.environ)]}
"""


@pytest.fixture
async def told(tmp_path: Path, store_url: str) -> AsyncIterator[Platform]:
    """A platform whose executor knows where the gateway is."""
    async with platform_in(tmp_path, store_url) as platform:
        platform.settings = replace(platform.settings, gateway_url=f"{GATEWAY}/")
        async with platform.executor():
            yield platform


async def seen(platform: Platform, plan: PlanResolved) -> Any:
    """The environment as it was at the import and in the call."""
    await platform.send(plan)
    finished = await platform.end(plan)
    assert finished.status is Status.SUCCEEDED, finished.error
    return finished.outputs[0].value


def check_access(environment: dict[str, str], scope: Scope) -> None:
    urls = ("PUMPHOUSE_URL", "CRAFT_AI_ENVIRONMENT_URL", "CRAFT_AI_CONTROL_URL")
    assert [environment[name] for name in urls] == [GATEWAY] * 3
    assert environment["PUMPHOUSE_TOKEN"] == environment["CRAFT_AI_SDK_TOKEN"]
    assert execution_tokens(SEALER).scope(environment["PUMPHOUSE_TOKEN"]) == scope


async def test_each_elastic_execution_has_a_token_of_its_own(told: Platform) -> None:
    code = await told.code(SHOW)
    for _ in range(2):
        plan = told.plan(code, outputs={"v": "json"})
        at_import, in_call = await seen(told, plan)
        check_access(at_import, Scope(ScopeKind.EXECUTION, plan.execution_id))
        assert at_import == in_call
        assert in_call["CRAFT_AI_EXECUTION_ID"] == plan.execution_id


async def test_an_elastic_deployment_has_the_tokens_of_its_executions(told: Platform) -> None:
    plan = told.plan(await told.code(SHOW), outputs={"v": "json"}, deployment_id="d")
    _, in_call = await seen(told, plan)
    check_access(in_call, Scope(ScopeKind.EXECUTION, plan.execution_id))


async def test_a_pod_has_one_token_from_its_import_on(told: Platform) -> None:
    code = await told.code(SHOW)
    deployment = await told.deploy(code)
    scope = Scope(ScopeKind.DEPLOYMENT, deployment.id)
    for mood in ("calm", "keen"):
        await told.set_variable("MOOD", mood)
        fields: dict[str, Any] = {"mode": Mode.LOW_LATENCY, "deployment_id": deployment.id}
        plan = told.plan(code, outputs={"v": "json"}, **fields)
        at_import, in_call = await seen(told, plan)
        check_access(at_import, scope)
        check_access(in_call, scope)
        assert "CRAFT_AI_EXECUTION_ID" not in at_import
        assert (in_call["CRAFT_AI_EXECUTION_ID"], in_call["MOOD"]) == (plan.execution_id, mood)


async def test_no_secret_of_the_platform_is_in_the_environment(told: Platform) -> None:
    await told.set_variable("CRAFT_AI_SDK_TOKEN", "set before names were reserved")
    plan = told.plan(await told.code(SHOW), outputs={"v": "json"})
    _, environment = await seen(told, plan)
    check_access(environment, Scope(ScopeKind.EXECUTION, plan.execution_id))
    keys = {SECRET, told.settings.s3_url}
    assert not [text for text in environment.values() for key in keys if key in text]
    assert {name for name in environment if name.startswith("PUMPHOUSE_")} == {
        "PUMPHOUSE_TOKEN",
        "PUMPHOUSE_URL",
    }


async def test_without_an_address_there_is_no_token(platform: Platform) -> None:
    plan = platform.plan(await platform.code(SHOW), outputs={"v": "json"})
    _, environment = await seen(platform, plan)
    given = {name for name in environment if name.startswith(("CRAFT_AI_", "PUMPHOUSE_"))}
    assert given == {"CRAFT_AI_EXECUTION_ID"}
