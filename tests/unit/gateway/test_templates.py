"""The templates as they are shipped."""

import pytest

from pumphouse.archives import check_archive
from pumphouse.contracts.vocabulary import Rule
from pumphouse.errors import Conflict, NotFound
from pumphouse.gateway.mappings import read_mapping
from pumphouse.gateway.names import check_name
from pumphouse.gateway.offered_templates import OfferedTemplates, pipeline_from
from pumphouse.gateway.pipeline_views import show_pipeline
from pumphouse.gateway.templates import ShippedTemplate, shipped_templates
from pumphouse.mapping import check_declarations, complete

SHIPPED = shipped_templates()
OFFERED = OfferedTemplates(SHIPPED, frozenset({"drift-check"}))


@pytest.fixture(params=sorted(SHIPPED))
def template(request: pytest.FixtureRequest) -> ShippedTemplate:
    return SHIPPED[request.param]


def test_three_templates_are_shipped() -> None:
    assert list(SHIPPED) == ["chat-completion", "drift-check", "table-summary"]


def test_an_executor_can_use_the_code_of_a_template(template: ShippedTemplate) -> None:
    declaration = template.declaration
    check_archive(template.archive, declaration.function_path, declaration.function_name)


def test_a_template_declares_what_a_pipeline_may(template: ShippedTemplate) -> None:
    declaration = template.declaration
    check_name(declaration.name, "The template")
    check_declarations(declaration.inputs, declaration.outputs)
    assert all(item.description for item in declaration.inputs)
    assert all(item.description for item in declaration.outputs)


def test_all_of_a_template_is_mapped_as_an_endpoint_can_be(template: ShippedTemplate) -> None:
    declaration = template.declaration
    mapping = read_mapping(
        declaration.recommended_inputs_mapping, declaration.recommended_outputs_mapping
    )
    pipeline = pipeline_from(declaration, "mine", "somebody")
    assert complete(pipeline, Rule.ENDPOINT, mapping) == mapping


def test_a_template_is_packed_into_the_same_bytes_each_time(template: ShippedTemplate) -> None:
    again = shipped_templates()[template.declaration.name]
    assert again.archive == template.archive


def test_a_pipeline_shows_the_template_that_it_is_from(template: ShippedTemplate) -> None:
    pipeline = pipeline_from(template.declaration, "mine", "somebody")
    shown = show_pipeline(pipeline)

    assert shown.parameters.pipeline_name == "mine"
    assert shown.creation_info.origin == "local"
    found = shown.creation_info.pipeline_template
    assert found is not None
    keys = ("name", "version", "display_name", "description", "hosting_type", "model_family")
    assert found.__struct_fields__ == keys
    assert all(getattr(found, key) == getattr(template.declaration, key) for key in keys)


def test_an_unknown_template_is_not_found_among_those_there_are() -> None:
    with pytest.raises(NotFound, match=r"'tables'.*chat-completion, drift-check, table-summary"):
        OFFERED.find("tables")


def test_a_disabled_template_is_shown_and_not_used() -> None:
    assert OFFERED.find("drift-check") is SHIPPED["drift-check"]
    with pytest.raises(Conflict, match="disabled"):
        OFFERED.enabled("drift-check")
