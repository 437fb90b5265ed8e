"""Users, and what becomes of their SDK tokens."""

import pytest

from pumphouse.bus import Bus, open_bus
from pumphouse.contracts.records import TokenPresented, TokenReplaced, UserDescribed, UserQueried
from pumphouse.errors import Conflict, NotFound, Unauthorized
from pumphouse.registry.app import ADMIN, running
from pumphouse.sealing import digest
from tests.integration.registry.things import settings

ADMIN_TOKEN = "a-token-of-the-tests"


async def holder(bus: Bus, token: str) -> UserDescribed:
    return await bus.request(TokenPresented(digest=digest(token)))


async def replaced(bus: Bus, user: UserDescribed, token: str) -> UserDescribed:
    generation = user.token_generation
    return await bus.request(
        TokenReplaced(user_id=user.id, generation=generation, digest=digest(token))
    )


async def test_the_admin_token_is_known_by_its_digest(registry: Bus) -> None:
    admin = await holder(registry, ADMIN_TOKEN)
    assert (admin.id, admin.name, admin.email) == (ADMIN.id, ADMIN.name, ADMIN.email)
    assert await registry.request(UserQueried(user_id=admin.id)) == admin


async def test_another_token_is_nobodys(registry: Bus) -> None:
    with pytest.raises(Unauthorized):
        await holder(registry, "something else")
    with pytest.raises(NotFound):
        await registry.request(UserQueried(user_id="nobody"))


async def test_a_replaced_token_is_dead_at_once(registry: Bus) -> None:
    admin = await holder(registry, ADMIN_TOKEN)
    answered = await replaced(registry, admin, "second")

    assert await holder(registry, "second") == answered
    assert answered.token_generation > admin.token_generation
    with pytest.raises(Unauthorized):
        await holder(registry, ADMIN_TOKEN)


async def test_a_token_replaced_twice_by_the_same_message_is_replaced_once(registry: Bus) -> None:
    admin = await holder(registry, ADMIN_TOKEN)

    assert await replaced(registry, admin, "second") == await replaced(registry, admin, "second")


async def test_a_late_replacement_does_not_bring_an_old_token_back(registry: Bus) -> None:
    admin = await holder(registry, ADMIN_TOKEN)
    newer = await replaced(registry, admin, "second")
    newest = await replaced(registry, newer, "third")

    with pytest.raises(Conflict, match="replaced meanwhile"):
        await replaced(registry, admin, "second")
    assert await holder(registry, "third") == newest


async def test_a_token_is_replaced_for_known_users_alone(registry: Bus) -> None:
    nobody = UserDescribed(id="nobody", name="", email="")
    with pytest.raises(NotFound):
        await replaced(registry, nobody, "second")


async def test_a_replaced_token_outlives_a_restart(
    registry: Bus, database_url: str, store_url: str
) -> None:
    await replaced(registry, await holder(registry, ADMIN_TOKEN), "second")

    same = settings(database_url, store_url, admin_token=ADMIN_TOKEN)
    async with open_bus(None, "restarted") as bus, running(same, bus):
        assert (await holder(bus, "second")).id == ADMIN.id
        with pytest.raises(Unauthorized):
            await holder(bus, ADMIN_TOKEN)


async def test_a_new_setting_replaces_any_token(
    registry: Bus, database_url: str, store_url: str
) -> None:
    admin = await replaced(registry, await holder(registry, ADMIN_TOKEN), "second")

    changed = settings(database_url, store_url, admin_token="a-new-token")
    async with open_bus(None, "restarted") as bus, running(changed, bus):
        found = await holder(bus, "a-new-token")
        assert (found.id, found.token_generation) == (ADMIN.id, admin.token_generation + 1)
        for token in (ADMIN_TOKEN, "second"):
            with pytest.raises(Unauthorized):
                await holder(bus, token)
