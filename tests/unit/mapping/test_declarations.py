from typing import Any

import pytest

from pumphouse.contracts.catalog import PipelineInput, PipelineOutput
from pumphouse.contracts.vocabulary import DataType
from pumphouse.errors import Invalid, NotSupported
from pumphouse.mapping import check_declarations
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


@pytest.mark.parametrize("default", [{}, {"default": None}])
def test_files_are_not_supported_yet(default: dict[str, Any]) -> None:
    with pytest.raises(NotSupported, match="'photo', 'report'"):
        check_declarations(
            [an_input("photo", DataType.FILE, **default)], [an_output("report", DataType.FILE)]
        )
