# Generated from pumphouse/sdk/aio/users.py by `make sdk`: change that file instead.
"""Who uses the platform."""

from typing import cast

from pumphouse.sdk.results import SdkToken, User
from pumphouse.sdk.sync.transport import Connected


class Users(Connected):
    def who_am_i(self) -> User:
        """The user that the SDK token belongs to."""
        user = self._transport.call("GET", "users", "me")
        return User(id=user["id"], name=user["name"], email=user["email"])

    def get_user(self, user_id: str) -> User:
        """Raises NotFound."""
        return cast(User, self._transport.call("GET", "users", user_id))

    def regenerate_sdk_token(self) -> SdkToken:
        """Replace the SDK token of the user; the old one stops working at once.

        This client goes on with the new one. Raises Forbidden inside executions.
        """
        token = self._transport.call("POST", "users", "me", "sdk-token")
        self._transport.tokens.use(token["sdk_token"])
        return cast(SdkToken, token)
