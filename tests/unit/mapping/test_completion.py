import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    InputMapping,
    Mapping,
    NullValue,
    OutputMapping,
    RunOutput,
    RunValue,
    StoredFile,
)
from pumphouse.contracts.references import Reference
from pumphouse.contracts.vocabulary import DataType, Rule
from pumphouse.errors import Invalid, TooLarge
from pumphouse.mapping import complete
from pumphouse.mapping.declarations import MAX_DEFAULTS_BYTES
from tests.unit.mapping.samples import VALUES, a_pipeline, an_input, an_output, mapping

RULES: list[Rule | None] = [None, Rule.ENDPOINT, Rule.PERIODIC]

LEGAL_SOURCES: list[tuple[AnySource, list[Rule | None]]] = [
    (Constant(value=1), RULES),
    (EnvironmentVariable(name="A"), RULES),
    (NullValue(), RULES),
    (EndpointValue(name="x"), [Rule.ENDPOINT]),
    (RunValue(name="a"), [None]),
    (StoredFile(path="a.csv"), []),
]

LEGAL_DESTINATIONS: list[tuple[AnyDestination, list[Rule | None]]] = [
    (Dropped(), RULES),
    (EndpointOutput(name="x"), [Rule.ENDPOINT]),
    (RunOutput(name="sum"), [None]),
    (FileTarget(path="a.csv"), []),
]

ADD = a_pipeline(an_input("a"), an_input("b"), outputs=(an_output("sum"), an_output("note")))


def refusal(pipeline: Pipeline, rule: Rule | None, given: Mapping) -> str:
    with pytest.raises(Invalid) as error:
        complete(pipeline, rule, given)
    return error.value.message


@pytest.mark.parametrize(
    ("rule", "source", "is_legal"),
    [(rule, source, rule in legal) for source, legal in LEGAL_SOURCES for rule in RULES],
)
def test_a_source_of_a_value_is_legal_by_trigger(
    rule: Rule | None, source: AnySource, is_legal: bool
) -> None:
    pipeline = a_pipeline(an_input("a"))
    if is_legal:
        assert complete(pipeline, rule, mapping({"a": source})).inputs[0].source == source
    else:
        assert "'a'" in refusal(pipeline, rule, mapping({"a": source}))


@pytest.mark.parametrize(
    ("rule", "destination", "is_legal"),
    [
        (rule, destination, rule in legal)
        for destination, legal in LEGAL_DESTINATIONS
        for rule in RULES
    ],
)
def test_a_destination_of_a_value_is_legal_by_trigger(
    rule: Rule | None, destination: AnyDestination, is_legal: bool
) -> None:
    pipeline = a_pipeline(outputs=(an_output("sum"),))
    given = mapping({}, {"sum": destination})
    if is_legal:
        assert complete(pipeline, rule, given).outputs[0].destination == destination
    else:
        assert "'sum'" in refusal(pipeline, rule, given)


def test_defaults_of_endpoint_inputs_are_limited_together() -> None:
    pipeline = a_pipeline(an_input("a", DataType.STRING), an_input("b", DataType.STRING))
    half = "x" * (MAX_DEFAULTS_BYTES // 2 - 2)
    fitting: dict[str, AnySource] = {
        "a": EndpointValue(name="a", default=half),
        "b": EndpointValue(name="b", default=half),
    }
    assert complete(pipeline, Rule.ENDPOINT, mapping(fitting)).inputs == mapping(fitting).inputs
    too_much = fitting | {"b": EndpointValue(name="b", default=half + "x")}
    with pytest.raises(TooLarge, match="'a', 'b' are 65,537 bytes"):
        complete(pipeline, Rule.ENDPOINT, mapping(too_much))


def test_a_constant_that_is_kept_elsewhere_stays() -> None:
    kept = Constant(reference=Reference(key="d/constants/0", size=9, sha256="0" * 64))
    given = mapping({"a": kept, "b": NullValue()}, {"sum": Dropped(), "note": Dropped()})
    assert complete(ADD, Rule.PERIODIC, given) == given


def test_what_an_endpoint_leaves_unmapped_has_its_own_name() -> None:
    completed = complete(ADD, Rule.ENDPOINT, mapping({"b": Constant(value=2)}))
    assert completed == mapping(
        {"a": EndpointValue(name="a"), "b": Constant(value=2)},
        {"sum": EndpointOutput(name="sum"), "note": EndpointOutput(name="note")},
    )


def test_what_a_run_leaves_unmapped_is_given_and_returned() -> None:
    completed = complete(ADD, None, mapping({"b": NullValue()}, {"note": Dropped()}))
    assert completed == mapping(
        {"a": RunValue(name="a"), "b": NullValue()},
        {"sum": RunOutput(name="sum"), "note": Dropped()},
    )


def test_a_periodic_deployment_must_map_everything_and_hears_all_that_is_missing() -> None:
    message = refusal(ADD, Rule.PERIODIC, mapping({"a": Constant(value=1)}, {"sum": Dropped()}))
    assert message.endswith("map input 'b', output 'note'.")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (mapping({"c": NullValue()}), "The pipeline has no input 'c': it has 'a', 'b'."),
        (mapping({}, {"c": Dropped()}), "The pipeline has no output 'c'"),
        (
            Mapping(inputs=(InputMapping(input="a", source=NullValue()),) * 2),
            "Input 'a' is mapped 2 times",
        ),
        (
            Mapping(outputs=(OutputMapping(output="sum", destination=Dropped()),) * 3),
            "Output 'sum' is mapped 3 times",
        ),
        (mapping({"a": Constant(value="1")}), "Input 'a': constant value: a number is expected"),
        (
            mapping({"a": EndpointValue(name="x", default="1")}),
            "Input 'a': default value: a number is expected",
        ),
        (mapping({"a": EndpointValue(name="")}), "must not be empty"),
        (mapping({"a": EnvironmentVariable(name="")}), "must not be empty"),
        (mapping({}, {"sum": EndpointOutput(name="a\x00")}), "control characters"),
        (mapping({}, {"sum": EndpointOutput(name="note")}), "2 outputs are named 'note'"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_by_name(given: Mapping, named: str) -> None:
    assert named in refusal(ADD, Rule.ENDPOINT, given)


def test_two_inputs_share_an_endpoint_input_when_their_types_agree() -> None:
    shared = mapping({"a": EndpointValue(name="x"), "b": EndpointValue(name="x")})
    assert complete(ADD, Rule.ENDPOINT, shared).inputs == shared.inputs
    mixed = a_pipeline(an_input("a"), an_input("b", DataType.STRING))
    assert "Inputs 'a', 'b' are of different types" in refusal(mixed, Rule.ENDPOINT, shared)


def test_an_unmapped_input_collides_with_another_that_took_its_name() -> None:
    mixed = a_pipeline(an_input("a"), an_input("b", DataType.STRING))
    message = refusal(mixed, Rule.ENDPOINT, mapping({"a": EndpointValue(name="b")}))
    assert "cannot share 'b'" in message


def test_null_is_a_constant_and_a_default_of_every_type() -> None:
    nulls = mapping(
        {"a": Constant(value=None), "b": EndpointValue(name="b", default=None)},
        {"sum": Dropped(), "note": Dropped()},
    )
    assert complete(ADD, Rule.ENDPOINT, nulls) == nulls


def test_every_fault_is_named_at_once() -> None:
    message = refusal(
        ADD,
        Rule.PERIODIC,
        mapping({"a": EndpointValue(name="a"), "z": NullValue()}, {"y": Dropped()}),
    )
    for named in ("'z'", "'y'", "Input 'a'", "input 'b'", "output 'sum'", "output 'note'"):
        assert named in message


NAMES = st.sampled_from([f"name_{number}" for number in range(6)])


@st.composite
def pipelines(draw: st.DrawFn) -> Pipeline:
    types = st.sampled_from(list(VALUES))
    return a_pipeline(
        *(an_input(n, draw(types)) for n in draw(st.lists(NAMES, unique=True))),
        outputs=tuple(an_output(n, draw(types)) for n in draw(st.lists(NAMES, unique=True))),
    )


def sources(rule: Rule | None, name: str, values: st.SearchStrategy[Any]) -> Any:
    everywhere = [
        st.builds(Constant, value=values),
        st.just(EnvironmentVariable(name="A")),
        st.just(NullValue()),
    ]
    if rule is Rule.ENDPOINT:
        defaults = values | st.just(msgspec.UNSET)
        everywhere.append(
            st.builds(
                EndpointValue,
                name=st.just(f"given_{name}"),
                is_required=st.none() | st.booleans(),
                default=defaults,
            )
        )
    return st.one_of(everywhere)


@st.composite
def mapped(draw: st.DrawFn) -> tuple[Pipeline, Rule | None, Mapping]:
    pipeline, rule = draw(pipelines()), draw(st.sampled_from(RULES))
    is_whole = rule is Rule.PERIODIC
    inputs = [
        InputMapping(input=i.name, source=draw(sources(rule, i.name, VALUES[i.data_type])))
        for i in pipeline.inputs
        if is_whole or draw(st.booleans())
    ]
    outputs = [
        OutputMapping(output=o.name, destination=Dropped())
        for o in pipeline.outputs
        if is_whole or draw(st.booleans())
    ]
    return pipeline, rule, Mapping(inputs=tuple(inputs), outputs=tuple(outputs))


@given(mapped())
def test_a_complete_mapping_names_everything_once_in_the_order_of_the_pipeline(
    case: tuple[Pipeline, Rule | None, Mapping],
) -> None:
    pipeline, rule, written = case
    completed = complete(pipeline, rule, written)
    assert [m.input for m in completed.inputs] == [i.name for i in pipeline.inputs]
    assert [m.output for m in completed.outputs] == [o.name for o in pipeline.outputs]
    assert set(written.outputs) <= set(completed.outputs)
    assert all(item in completed.inputs for item in written.inputs)


@given(mapped())
def test_completing_twice_changes_nothing(case: tuple[Pipeline, Rule | None, Mapping]) -> None:
    pipeline, rule, written = case
    completed = complete(pipeline, rule, written)
    assert complete(pipeline, rule, completed) == completed


@given(mapped(), st.randoms(use_true_random=False))
def test_the_order_of_items_does_not_matter(
    case: tuple[Pipeline, Rule | None, Mapping], order: random.Random
) -> None:
    pipeline, rule, written = case
    inputs, outputs = list(written.inputs), list(written.outputs)
    order.shuffle(inputs)
    order.shuffle(outputs)
    shuffled = Mapping(inputs=tuple(inputs), outputs=tuple(outputs))
    assert complete(pipeline, rule, shuffled) == complete(pipeline, rule, written)
