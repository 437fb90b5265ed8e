"""Which of the shipped templates this installation offers, and pipelines made from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import uuid_utils

from pumphouse.contracts.catalog import Code, Pipeline, Template
from pumphouse.errors import Conflict, Invalid, NotFound
from pumphouse.gateway.settings import Settings
from pumphouse.gateway.sharing import Shared
from pumphouse.gateway.templates import Declaration, ShippedTemplate, shipped_templates
from pumphouse.settings import variable
from pumphouse.storage.keys import archive_key


@dataclass(frozen=True)
class OfferedTemplates(Shared):
    """shipped: by name. disabled: names of those that no pipeline may be created from."""

    shipped: Mapping[str, ShippedTemplate]
    disabled: frozenset[str] = frozenset()

    def find(self, name: str) -> ShippedTemplate:
        """Raises NotFound that names those there are."""
        if name not in self.shipped:
            known = ", ".join(self.shipped)
            raise NotFound(f"There is no pipeline template {name[:80]!r}: there are {known}.")
        return self.shipped[name]

    def enabled(self, name: str) -> ShippedTemplate:
        """As `find`, for creating a pipeline. Raises Conflict when that is disabled."""
        found = self.find(name)
        if name in self.disabled:
            raise Conflict(f"The pipeline template {name!r} is disabled in this installation.")
        return found


def offered_templates(settings: Settings) -> OfferedTemplates:
    """What the settings leave of the shipped ones. Raises Invalid for a name that is none."""
    shipped = shipped_templates()
    for name in settings.disabled_templates:
        if name not in shipped:
            raise Invalid(
                f"{variable('disabled_templates')}: {name[:80]!r} is no template; there are"
                f" {', '.join(shipped)}."
            )
    return OfferedTemplates(shipped, frozenset(settings.disabled_templates))


def pipeline_from(template: Declaration, name: str, user_id: str) -> Pipeline:
    """A pipeline of that name with the code of a template, which is ready as it is."""
    identifier = str(uuid_utils.uuid7())
    return Pipeline(
        id=identifier,
        name=name,
        code=Code(
            archive=archive_key(identifier),
            function_path=template.function_path,
            function_name=template.function_name,
        ),
        description=template.description,
        inputs=template.inputs,
        outputs=template.outputs,
        template=Template(
            name=template.name,
            version=template.version,
            display_name=template.display_name,
            description=template.description,
            hosting_type=template.hosting_type,
            model_family=template.model_family,
        ),
        created_at=datetime.now(UTC),
        created_by=user_id,
    )
