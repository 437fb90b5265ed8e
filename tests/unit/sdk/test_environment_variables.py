"""Setting, listing and deleting environment variables."""

import httpx
import pytest

from pumphouse.sdk import InvalidParameters, PumphouseSdk
from tests.unit.sdk.fake_platform import FakePlatform, body_of, ok

SET = "PUT /api/v1/environment-variables"


@pytest.mark.parametrize("value", ["text", 6, True])
def test_a_variable_is_sent_as_it_was_given(
    sdk: PumphouseSdk, platform: FakePlatform, value: str | int
) -> None:
    platform.on(SET, httpx.Response(204))
    sdk.create_or_update_environment_variable("NUMBER", value)
    assert body_of(platform.asked(SET)[0]) == {"environment_variables": {"NUMBER": value}}


def test_a_value_that_json_cannot_hold_is_refused_by_name(sdk: PumphouseSdk) -> None:
    with pytest.raises(InvalidParameters, match="Environment variable 'SECRET'"):
        sdk.create_or_update_environment_variable("SECRET", b"bytes")  # type: ignore[arg-type]


def test_variables_are_listed_and_deleted(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    variable = {"name": "NUMBER", "value": "6"}
    platform.on("GET /api/v1/environment-variables", ok([variable]))
    platform.on("DELETE /api/v1/environment-variables/NUMBER", ok(variable))
    assert sdk.list_environment_variables() == [variable]
    assert sdk.delete_environment_variable("NUMBER") == variable
