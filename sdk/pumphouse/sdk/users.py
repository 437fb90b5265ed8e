"""Who uses the platform."""

from typing import cast

from pumphouse.sdk.results import User
from pumphouse.sdk.transport import Connected


class Users(Connected):
    def who_am_i(self) -> User:
        """The user that the SDK token belongs to."""
        user = self._transport.call("GET", "users", "me")
        return User(id=user["id"], name=user["name"], email=user["email"])

    def get_user(self, user_id: str) -> User:
        """Raises NotFound."""
        return cast(User, self._transport.call("GET", "users", user_id))
