"""The services of the platform as compose/compose.yaml has them, to run them as processes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pumphouse.settings import variable

COMPOSE_FILE = Path(__file__).parents[1] / "compose" / "compose.yaml"

SECRETS = "/run/secrets/"

_WITH_DEFAULT = re.compile(r"\$\{\w+:-([^{}]*)\}")


@dataclass(frozen=True)
class Composed:
    """A service of the platform in its container.

    environment: as it is when whoever starts the containers sets nothing.
    secrets: the names of the files that it has in SECRETS.
    """

    command: tuple[str, ...]
    environment: dict[str, str]
    secrets: frozenset[str]
    healthcheck: tuple[str, ...]

    def environment_outside(self, secrets: Path, other: Mapping[str, str]) -> dict[str, str]:
        """The environment of the same service as a process without a container.

        secrets: a folder with its secrets. other: what differs there, by the name of the setting;
        what the container is not told either is left out.
        """
        outside = {name: self._outside(text, secrets) for name, text in self.environment.items()}
        for name, text in other.items():
            if variable(name) in outside:
                outside[variable(name)] = text
        return outside

    def _outside(self, text: str, secrets: Path) -> str:
        if not text.startswith(SECRETS):
            return text
        name = text.removeprefix(SECRETS)
        assert name in self.secrets, f"{self.command} is told to read {text}, and not given it"
        return str(secrets / name)


def document() -> dict[str, Any]:
    """All of the file, with anchors followed and defaults in the place of variables."""
    found: dict[str, Any] = _with_defaults(yaml.safe_load(COMPOSE_FILE.read_text("utf-8")))
    return found


def composed_services() -> dict[str, Composed]:
    """Those of the platform, by name: they run its command."""
    return {
        name: Composed(
            command=tuple(service["command"]),
            environment=dict(service["environment"]),
            secrets=frozenset(service["secrets"]),
            healthcheck=tuple(service["healthcheck"]["test"]),
        )
        for name, service in document()["services"].items()
        if service.get("command", [""])[0] == "pumphouse"
    }


def image_of(server: str) -> str:
    """The image of a server that is not ours."""
    image: str = document()["services"][server]["image"]
    return image


def _with_defaults(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_defaults(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_defaults(inner) for inner in value]
    return _text_with_defaults(value) if isinstance(value, str) else value


def _text_with_defaults(text: str) -> str:
    """`${NAME:-default}` replaced by the default, which may hold such a one itself."""
    replaced = _WITH_DEFAULT.sub(r"\1", text)
    return replaced if replaced == text else _text_with_defaults(replaced)
