"""Named values of the whole platform, read when an execution is triggered."""

from typing import cast

from pumphouse.sdk.aio.transport import Connected
from pumphouse.sdk.encoding import to_json
from pumphouse.sdk.results import EnvironmentVariable


class EnvironmentVariables(Connected):
    async def create_or_update_environment_variable(
        self,
        environment_variable_name: str,
        environment_variable_value: str | float | bool,
    ) -> None:
        """Set one variable; the next execution sees it. Numbers and booleans are stored as text."""
        variables = {environment_variable_name: environment_variable_value}
        body = to_json(
            {"environment_variables": variables},
            f"Environment variable {environment_variable_name!r}",
        )
        await self._transport.call("PUT", "environment-variables", body=body)

    async def list_environment_variables(self) -> list[EnvironmentVariable]:
        return cast(
            list[EnvironmentVariable], await self._transport.call("GET", "environment-variables")
        )

    async def delete_environment_variable(
        self, environment_variable_name: str
    ) -> EnvironmentVariable:
        """The variable as it was. Raises NotFound."""
        return cast(
            EnvironmentVariable,
            await self._transport.call(
                "DELETE", "environment-variables", environment_variable_name
            ),
        )
