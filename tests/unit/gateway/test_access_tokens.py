"""Access tokens of users: how long they live, and that they end with the SDK token behind them."""

from dataclasses import dataclass, field
from typing import Any, cast

import jwt
import pytest

from pumphouse.bus import Bus
from pumphouse.contracts.records import TokenPresented, TokenReplaced, UserDescribed, UserQueried
from pumphouse.errors import Conflict, NotFound, Unauthorized, Unavailable
from pumphouse.gateway.access_tokens import ACCESS_LIFE_S, LOOK_EVERY_S, AccessTokens, Holder
from pumphouse.sealing import Sealer, digest
from pumphouse.sealing.tokens import SignedTokens

SEALER = Sealer("0123456789abcdef0123456789abcdef")


@dataclass
class Registry:
    """A bus on which a registry with one user answers."""

    digest: str = digest("first")
    generation: int = 1
    fails: Exception | None = None
    asked: list[Any] = field(default_factory=list)

    async def request(self, request: Any, *, timeout: float = 10) -> UserDescribed:
        self.asked.append(request)
        if self.fails is not None:
            raise self.fails
        match request:
            case TokenPresented(digest=presented) if presented != self.digest:
                raise Unauthorized("not valid")
            case TokenReplaced(generation=generation, digest=new):
                if generation != self.generation:
                    raise Conflict("replaced meanwhile")
                self.replace(new)
        return UserDescribed(id="u", name="Ada", email="a@b", token_generation=self.generation)

    def replace(self, new: str) -> None:
        self.digest, self.generation = new, self.generation + 1


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def gateway(registry: Registry) -> tuple[AccessTokens, Clock]:
    clock = Clock()
    return AccessTokens(SEALER, cast(Bus, registry), clock), clock


async def holder_of(tokens: AccessTokens, sdk_token: str) -> Holder:
    holder = tokens.read(await tokens.trade(sdk_token))
    assert holder is not None
    return holder


async def test_an_access_token_names_the_user_of_the_sdk_token() -> None:
    tokens, _ = gateway(Registry())

    holder = await holder_of(tokens, "first")

    assert holder == Holder("u", 1)
    await tokens.check(holder)


async def test_a_client_can_read_how_long_an_access_token_lives() -> None:
    tokens, _ = gateway(Registry())

    claims = jwt.decode(await tokens.trade("first"), options={"verify_signature": False})

    assert claims["exp"] - claims["iat"] == ACCESS_LIFE_S


async def test_an_access_token_ends_where_its_sdk_token_is_replaced_at_once() -> None:
    tokens, _ = gateway(Registry())
    old = await holder_of(tokens, "first")

    new = await holder_of(tokens, await tokens.replace_sdk_token(old))

    await tokens.check(new)
    with pytest.raises(Unauthorized, match="replaced"):
        await tokens.check(old)


async def test_other_gateways_notice_a_replaced_sdk_token_a_little_later() -> None:
    registry = Registry()
    tokens, clock = gateway(registry)
    old = await holder_of(tokens, "first")
    registry.replace(digest("second"))

    await tokens.check(old)
    clock.now += LOOK_EVERY_S
    with pytest.raises(Unauthorized):
        await tokens.check(old)


async def test_a_newer_token_than_is_known_is_looked_up_at_once() -> None:
    registry = Registry()
    (one, _), (other, _) = gateway(registry), gateway(registry)
    old = await holder_of(one, "first")
    new = await holder_of(other, await other.replace_sdk_token(await holder_of(other, "first")))

    await one.check(new)
    with pytest.raises(Unauthorized):
        await one.check(old)


async def test_the_registry_is_asked_seldom() -> None:
    registry = Registry()
    tokens, _ = gateway(registry)
    holder = await holder_of(tokens, "first")
    registry.asked.clear()

    for _ in range(10):
        await tokens.check(holder)

    assert registry.asked == []


async def test_what_was_known_goes_on_while_the_registry_is_away() -> None:
    registry = Registry()
    tokens, clock = gateway(registry)
    holder = await holder_of(tokens, "first")
    registry.fails = Unavailable("away")
    registry.asked.clear()

    clock.now += LOOK_EVERY_S
    await tokens.check(holder)
    await tokens.check(holder)

    assert registry.asked == [UserQueried(user_id="u")]


async def test_nothing_is_known_to_a_gateway_that_starts_while_the_registry_is_away() -> None:
    registry = Registry()
    holder = await holder_of(gateway(registry)[0], "first")
    registry.fails = Unavailable("away")

    with pytest.raises(Unavailable):
        await gateway(registry)[0].check(holder)


async def test_the_token_of_a_user_who_is_gone_is_refused() -> None:
    registry = Registry()
    tokens, clock = gateway(registry)
    holder = await holder_of(tokens, "first")
    registry.fails = NotFound("gone")

    clock.now += LOOK_EVERY_S
    with pytest.raises(Unauthorized):
        await tokens.check(holder)


async def test_an_sdk_token_is_replaced_once_per_access_token() -> None:
    tokens, _ = gateway(Registry())
    old = await holder_of(tokens, "first")
    await tokens.replace_sdk_token(old)

    with pytest.raises(Conflict):
        await tokens.replace_sdk_token(old)


async def test_the_registry_learns_no_sdk_token() -> None:
    registry = Registry()
    tokens, _ = gateway(registry)

    token = await tokens.replace_sdk_token(await holder_of(tokens, "first"))

    assert registry.digest == digest(token)
    assert token not in repr(registry.asked)


@pytest.mark.parametrize("subject", ["u", "u:", ":1", "u:x", "u:-1", ""])
def test_a_token_without_a_user_and_a_generation_is_none(subject: str) -> None:
    signed = SignedTokens(SEALER, "access-token", ACCESS_LIFE_S).issue(subject)

    assert gateway(Registry())[0].read(signed) is None


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "\u00e9", "\0", "..", "a" * 100_000])
def test_what_is_no_token_is_none(text: str) -> None:
    assert gateway(Registry())[0].read(text) is None
