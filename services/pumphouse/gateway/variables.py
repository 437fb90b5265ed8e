"""Routes of environment variables."""

from dataclasses import dataclass
from http import HTTPStatus

import msgspec
from litestar import Response, delete, get, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from pumphouse.contracts.catalog import Variable
from pumphouse.contracts.definitions import VariableDiscarded, VariablesRevised
from pumphouse.errors import Invalid, NotFound
from pumphouse.gateway.answers import json_answer, no_content
from pumphouse.gateway.bodies import ApiRequest, read_body_as
from pumphouse.gateway.definitions import Definitions
from pumphouse.gateway.described import Parameter, described
from pumphouse.gateway.inside import FOR_EXECUTIONS
from pumphouse.gateway.names import VariableName, check_variable_name
from pumphouse.gateway.sharing import Shared
from pumphouse.sealing import Sealer

MAX_VALUE_BYTES = 65_536
"""Of UTF-8: with twice as much, Linux refuses to start a process."""

_TAG = "Environment variables"

Value = str | int | float | bool


class Variables(msgspec.Struct, frozen=True):
    """Variables to set, by name; others stay."""

    environment_variables: dict[VariableName, Value]


class ShownVariable(msgspec.Struct, frozen=True):
    name: str
    value: str


@dataclass(frozen=True)
class VariableRoutes(Shared):
    definitions: Definitions
    sealer: Sealer

    def routes(self) -> list[HTTPRouteHandler]:
        return [
            put("/environment-variables", opt=FOR_EXECUTIONS)(self.revise),
            get("/environment-variables", opt=FOR_EXECUTIONS)(self.show_all),
            delete("/environment-variables/{name:str}", status_code=200, opt=FOR_EXECUTIONS)(
                self.delete
            ),
        ]

    @described(
        "create_or_update_environment_variables",
        "Set environment variables",
        tag=_TAG,
        body=Variables,
        answers={HTTPStatus.NO_CONTENT: None},
    )
    async def revise(self, request: ApiRequest) -> Response[bytes]:
        given = (await read_body_as(Variables, request)).environment_variables
        texts = {name: _text(name, value) for name, value in given.items()}
        variables = tuple(
            Variable(name=name, sealed=self.sealer.seal(text)) for name, text in texts.items()
        )
        if variables:
            await self.definitions.change(VariablesRevised(variables=variables))
        return no_content()

    @described(
        "list_environment_variables",
        "List all environment variables",
        tag=_TAG,
        answers=list[ShownVariable],
    )
    async def show_all(self) -> Response[bytes]:
        await self.definitions.catalog.refresh()
        variables = sorted(self.definitions.catalog.variables.values(), key=lambda v: v.name)
        return json_answer([self._show(variable) for variable in variables])

    @described(
        "delete_environment_variable",
        "Delete an environment variable",
        tag=_TAG,
        path=(Parameter("name", "Name of the variable.", VariableName),),
        answers=ShownVariable,
    )
    async def delete(self, name: FromPath[str]) -> Response[bytes]:
        await self.definitions.catalog.refresh()
        variable = self.definitions.catalog.variables.get(name)
        if variable is None:
            raise NotFound(f"There is no environment variable named {name!r}.")
        await self.definitions.change(VariableDiscarded(name=name))
        return json_answer(self._show(variable))

    def _show(self, variable: Variable) -> ShownVariable:
        return ShownVariable(variable.name, self.sealer.open(variable.sealed))


def _text(name: str, value: Value) -> str:
    """The text that a process sees: numbers and booleans as JSON writes them."""
    check_variable_name(name)
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    if "\0" in text:
        raise Invalid(f"The environment variable {name!r} has a NUL character: remove it.")
    if len(text.encode()) > MAX_VALUE_BYTES:
        raise Invalid(f"The environment variable {name!r} is over {MAX_VALUE_BYTES:,} bytes.")
    return text
