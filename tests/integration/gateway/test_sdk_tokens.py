"""Replacing an SDK token over HTTP."""

import asyncio

import pytest

from tests.integration.gateway.conftest import Gateway, serving_gateway
from tests.integration.gateway.platform import SDK_TOKEN

pytestmark = pytest.mark.asyncio(loop_scope="session")

RENEW = "/api/v1/users/me/sdk-token"
ME = "/api/v1/users/me"


async def refreshed(gateway: Gateway, sdk_token: str) -> int:
    """The status of trading a token; the client goes on with what it is traded for."""
    answer = await gateway.plain.post("/api/v1/auth/refresh", json={"refresh_token": sdk_token})
    if answer.is_success:
        gateway.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return answer.status_code


async def test_a_replaced_sdk_token_and_its_access_tokens_end_at_once(store_url: str) -> None:
    async with serving_gateway(store_url) as gateway:
        user = (await gateway.http.get(ME)).json()

        renewed = await gateway.http.post(RENEW)

        token = renewed.json()["sdk_token"]
        assert renewed.status_code == 200
        assert (await gateway.http.get(ME)).status_code == 401
        assert (await gateway.http.post(RENEW)).status_code == 401
        assert await refreshed(gateway, SDK_TOKEN) == 401
        assert await refreshed(gateway, token) == 200
        assert (await gateway.http.get(ME)).json() == user


async def test_of_two_who_replace_a_token_at_once_one_does(store_url: str) -> None:
    async with serving_gateway(store_url) as gateway:
        answers = await asyncio.gather(*(gateway.http.post(RENEW) for _ in range(2)))

        (done,) = (answer for answer in answers if answer.status_code == 200)
        (refused,) = (answer for answer in answers if answer is not done)
        assert refused.status_code in (401, 409)
        assert await refreshed(gateway, done.json()["sdk_token"]) == 200


async def test_only_a_user_replaces_an_sdk_token(gateway: Gateway) -> None:
    assert (await gateway.plain.post(RENEW)).status_code == 401
    assert (await gateway.http.get(RENEW)).status_code == 405
    assert await refreshed(gateway, SDK_TOKEN) == 200
