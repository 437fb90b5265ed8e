"""The short tokens of users: traded for their SDK tokens, and ended with them."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from pumphouse.bus import Bus
from pumphouse.contracts.records import TokenPresented, TokenReplaced, UserDescribed, UserQueried
from pumphouse.errors import NotFound, Unauthorized, Unavailable
from pumphouse.gateway.sharing import Shared
from pumphouse.sealing import Sealer, digest
from pumphouse.sealing.tokens import SignedTokens

ACCESS_LIFE_S = 3600
LOOK_EVERY_S = 5.0

_SDK_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Holder:
    """A user, and the generation of the SDK token that the access token was traded for."""

    user_id: str
    generation: int

    def __str__(self) -> str:
        return f"{self.user_id}:{self.generation}"


@dataclass(frozen=True, slots=True)
class _Kept:
    holder: Holder
    until: float


class AccessTokens(Shared):
    """Issues access tokens, and knows whose they are.

    One ends when the SDK token behind it is replaced: at once on the gateway that replaces it, and
    on others within LOOK_EVERY_S. While the registry is out of reach, what was known goes on.
    """

    def __init__(
        self, sealer: Sealer, bus: Bus, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tokens = SignedTokens(sealer, "access-token", ACCESS_LIFE_S)
        self._bus = bus
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    async def trade(self, sdk_token: str) -> str:
        """An access token for an SDK token. Raises Unauthorized."""
        user = await self._bus.request(TokenPresented(digest=digest(sdk_token)))
        return self._tokens.issue(str(self._note(user)))

    def read(self, access_token: str) -> Holder | None:
        """Whom a token names; None when it is not one of these, or too old."""
        user_id, _, generation = (self._tokens.subject(access_token) or "").rpartition(":")
        return Holder(user_id, int(generation)) if user_id and generation.isdecimal() else None

    async def check(self, holder: Holder) -> None:
        """Raise Unauthorized when the SDK token behind an access token is not the user's now."""
        if holder != await self._current(holder):
            raise Unauthorized(
                "The SDK token behind this access token was replaced: go on with the new one."
            )

    async def replace_sdk_token(self, holder: Holder) -> str:
        """Another SDK token for a user, whose old one ends. Raises Conflict when it has already."""
        token = secrets.token_urlsafe(_SDK_TOKEN_BYTES)
        request = TokenReplaced(
            user_id=holder.user_id, generation=holder.generation, digest=digest(token)
        )
        self._note(await self._bus.request(request))
        return token

    async def _current(self, holder: Holder) -> Holder | None:
        """The holder of a token that was issued now; None when there is no such user."""
        kept = self._kept.get(holder.user_id)
        is_known = kept is not None and kept.holder.generation >= holder.generation
        if kept is not None and is_known and self._clock() < kept.until:
            return kept.holder
        try:
            return self._note(await self._bus.request(UserQueried(user_id=holder.user_id)))
        except NotFound:
            return None
        except Unavailable:
            if kept is None or not is_known:
                raise
            return self._keep(kept.holder)

    def _note(self, user: UserDescribed) -> Holder:
        """Keep what the registry says, unless a later answer has overtaken it."""
        found, kept = Holder(user.id, user.token_generation), self._kept.get(user.id)
        is_late = kept is not None and kept.holder.generation > found.generation
        return kept.holder if kept is not None and is_late else self._keep(found)

    def _keep(self, holder: Holder) -> Holder:
        self._kept[holder.user_id] = _Kept(holder, self._clock() + LOOK_EVERY_S)
        return holder
