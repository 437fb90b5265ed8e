"""The SDK token buys short-lived access tokens, which every request carries."""

from collections.abc import Awaitable, Callable
from copy import copy
from time import monotonic

import httpx

from pumphouse.sdk.access_tokens import AccessToken, access_token
from pumphouse.sdk.aio.concurrency import Lock
from pumphouse.sdk.errors import SdkError


class AccessTokens:
    """Gets an access token when it is first needed, and renews it in time.

    Calls that need one meanwhile wait for the same, and for its failure. Safe for many tasks of
    one event loop.
    ask: sends an SDK token, and waits for the answer at most so many seconds.
    """

    def __init__(
        self, ask: Callable[[str, float], Awaitable[httpx.Response]], sdk_token: str
    ) -> None:
        self._ask = ask
        self._sdk_token = sdk_token
        self._access: AccessToken | None = None
        self._lock = Lock()
        self._failures = 0
        self._failure: SdkError | None = None

    async def current(self, limit_s: float, refused: AccessToken | None = None) -> AccessToken:
        """A token that is good, but not the one that was refused. Raises SdkError."""
        failures = self._failures
        async with self._lock:
            if self._failure is not None and self._failures != failures:
                raise copy(self._failure) from self._failure
            access = self._access
            if access is None or access is refused or monotonic() >= access.renew_at:
                access = self._access = await self._renewed(limit_s)
            return access

    def use(self, sdk_token: str) -> None:
        """Go on with another SDK token."""
        self._sdk_token = sdk_token
        self._access = None

    async def _renewed(self, limit_s: float) -> AccessToken:
        asked_at = monotonic()
        try:
            access = access_token(await self._ask(self._sdk_token, limit_s), asked_at)
        except SdkError as error:
            self._failures += 1
            self._failure = error
            raise
        self._failure = None
        return access
