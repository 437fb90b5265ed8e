from typing import Any

import pytest

from pumphouse.contracts.catalog import PipelineInput, PipelineOutput
from pumphouse.contracts.vocabulary import DataType
from pumphouse.errors import Invalid, TooLarge
from pumphouse.mapping import check_declarations
from pumphouse.mapping.declarations import MAX_DEFAULTS_BYTES
from tests.unit.mapping.samples import an_input, an_output


def test_good_declarations_pass() -> None:
    check_declarations(
        [an_input("a", default=None), an_input("naïve_2", default=3), an_input("match")],
        [an_output("mean value"), an_output("a"), an_output("x" * 255)],
    )
    check_declarations([], [])


@pytest.mark.parametrize(
    ("inputs", "outputs", "named"),
    [
        ([an_input("a"), an_input("a")], [], "Input 'a' is declared more than once"),
        ([], [an_output("b"), an_output("b")], "Output 'b' is declared more than once"),
        ([an_input("")], [], "Input ''"),
        ([an_input("two words")], [], "'two words'"),
        ([an_input("lambda")], [], "'lambda'"),
        ([an_input("1st")], [], "'1st'"),
        ([an_input("x" * 256)], [], "at most 255"),
        ([an_input("a", default="text")], [], "Input 'a', default value: a number is expected"),
        ([], [an_output("")], "must not be empty"),
        ([], [an_output("  ")], "must not be empty"),
        ([], [an_output("a\nb")], "control characters"),
        ([], [an_output("a\ud800")], "control characters"),
        ([], [an_output("x" * 256)], "at most 255"),
    ],
)
def test_a_bad_declaration_is_refused_by_name(
    inputs: list[PipelineInput], outputs: list[PipelineOutput], named: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        check_declarations(inputs, outputs)
    assert named in refusal.value.message


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(Invalid) as refusal:
        check_declarations([an_input("is"), an_input("b", default=[])], [an_output("")])
    for named in ("'is'", "'b'", "Output ''"):
        assert named in refusal.value.message


def test_files_are_declared_without_defaults() -> None:
    check_declarations(
        [an_input("photo", DataType.FILE, is_required=True)], [an_output("report", DataType.FILE)]
    )


@pytest.mark.parametrize("default", ["a.png", None])
def test_a_default_of_a_file_is_refused_by_name(default: Any) -> None:
    with pytest.raises(Invalid, match="Input 'photo': a file has no default value"):
        check_declarations([an_input("photo", DataType.FILE, default=default)], [])


def test_defaults_are_limited_together() -> None:
    half = "x" * (MAX_DEFAULTS_BYTES // 2 - 2)
    fitting = [an_input(name, DataType.STRING, default=half) for name in "ab"]
    check_declarations(fitting, [])
    with pytest.raises(TooLarge, match="'a', 'b', 'c' are 65,537 bytes"):
        check_declarations([*fitting, an_input("c", default=1)], [])
