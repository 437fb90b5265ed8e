"""Completing mappings of inputs and outputs that are files."""

import pytest

from pumphouse.contracts.catalog import Pipeline
from pumphouse.contracts.mappings import (
    AnyDestination,
    AnySource,
    Constant,
    Dropped,
    EndpointOutput,
    EndpointValue,
    EnvironmentVariable,
    FileTarget,
    Mapping,
    NullValue,
    RunOutput,
    RunValue,
    StoredFile,
)
from pumphouse.contracts.vocabulary import DataType, Rule
from pumphouse.errors import Invalid
from pumphouse.mapping import complete
from tests.unit.mapping.samples import a_pipeline, an_input, an_output, mapping

RULES: list[Rule | None] = [None, Rule.ENDPOINT, Rule.PERIODIC]

FILES = a_pipeline(an_input("photo", DataType.FILE), outputs=(an_output("report", DataType.FILE),))

LEGAL_FILE_SOURCES: list[tuple[AnySource, list[Rule | None]]] = [
    (StoredFile(path="a.png"), RULES),
    (NullValue(), RULES),
    (EndpointValue(name="x", is_required=True), [Rule.ENDPOINT]),
    (RunValue(name="photo"), [None]),
    (Constant(value="a.png"), []),
    (Constant(value=None), []),
    (EnvironmentVariable(name="A"), []),
    (EndpointValue(name="x", default="a.png"), []),
]

LEGAL_FILE_DESTINATIONS: list[tuple[AnyDestination, list[Rule | None]]] = [
    (FileTarget(path="{date}/a.png"), RULES),
    (Dropped(), RULES),
    (EndpointOutput(name="x"), [Rule.ENDPOINT]),
    (RunOutput(name="report"), [None]),
]


def refusal(pipeline: Pipeline, rule: Rule | None, given: Mapping) -> str:
    with pytest.raises(Invalid) as error:
        complete(pipeline, rule, given)
    return error.value.message


@pytest.mark.parametrize(
    ("rule", "source", "is_legal"),
    [(rule, source, rule in legal) for source, legal in LEGAL_FILE_SOURCES for rule in RULES],
)
def test_a_source_of_a_file_is_legal_by_trigger(
    rule: Rule | None, source: AnySource, is_legal: bool
) -> None:
    given = mapping({"photo": source}, {"report": Dropped()})
    if is_legal:
        assert complete(FILES, rule, given) == given
    else:
        assert "Input 'photo'" in refusal(FILES, rule, given)


@pytest.mark.parametrize(
    ("rule", "destination", "is_legal"),
    [
        (rule, destination, rule in legal)
        for destination, legal in LEGAL_FILE_DESTINATIONS
        for rule in RULES
    ],
)
def test_a_destination_of_a_file_is_legal_by_trigger(
    rule: Rule | None, destination: AnyDestination, is_legal: bool
) -> None:
    given = mapping({"photo": NullValue()}, {"report": destination})
    if is_legal:
        assert complete(FILES, rule, given) == given
    else:
        assert "Output 'report'" in refusal(FILES, rule, given)


def test_paths_of_the_data_store_become_keys() -> None:
    given = mapping({"photo": StoredFile(path="/a/b.png")}, {"report": FileTarget(path="/{date}")})
    assert complete(FILES, None, given) == mapping(
        {"photo": StoredFile(path="a/b.png")}, {"report": FileTarget(path="{date}")}
    )


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (mapping({"photo": StoredFile(path="a/../b")}), "Input 'photo': the path 'a/../b'"),
        (mapping({"photo": StoredFile(path="")}), "Input 'photo': a path of the data store must"),
        (mapping({}, {"report": FileTarget(path="a//b")}), "Output 'report': the path 'a//b'"),
        (mapping({}, {"report": FileTarget(path="{user}")}), "Output 'report': the path '{user}'"),
        (mapping({}, {"report": FileTarget(path="x" * 1017 + "{date}")}), "1,025 bytes"),
    ],
)
def test_a_path_that_cannot_be_used_is_refused_by_name(given: Mapping, named: str) -> None:
    assert named in refusal(FILES, None, given)


def test_the_path_of_an_input_has_nothing_to_fill_in() -> None:
    given = mapping({"photo": StoredFile(path="{user}/a.png")})
    assert complete(FILES, None, given).inputs == given.inputs


def test_two_outputs_cannot_go_to_one_path() -> None:
    pipeline = a_pipeline(outputs=tuple(an_output(n, DataType.FILE) for n in ("one", "two")))
    given = mapping({}, {"one": FileTarget(path="a"), "two": FileTarget(path="/a")})
    assert "Outputs 'one', 'two' go to the same path 'a'" in refusal(pipeline, None, given)


def test_an_endpoint_takes_one_file_in_each_call() -> None:
    pipeline = a_pipeline(an_input("one", DataType.FILE), an_input("two", DataType.FILE))
    message = refusal(pipeline, Rule.ENDPOINT, mapping())
    assert "one file in each call, and the inputs 'one', 'two' would be 2" in message
    assert complete(pipeline, None, mapping())
    for source in (NullValue(), StoredFile(path="a"), EndpointValue(name="one")):
        assert complete(pipeline, Rule.ENDPOINT, mapping({"two": source}))
