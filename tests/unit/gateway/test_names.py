"""Which names may be given."""

import pytest

from pumphouse.errors import Invalid, NotFound
from pumphouse.gateway.names import (
    check_endpoint_path,
    check_endpoint_token,
    check_metric_name,
    check_name,
    check_text,
    check_variable_name,
    known_id,
)


@pytest.mark.parametrize("name", ["a", "0", "a.b_c-d", "A" * 255])
def test_a_good_name_is_taken(name: str) -> None:
    check_name(name, "The name")
    check_endpoint_path(name)


@pytest.mark.parametrize("name", ["", ".", "-a", "_a", "a b", "a/b", "a\n", "é", "a\0", "A" * 256])
def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="The name"):
        check_name(name, "The name")


def test_a_path_that_results_need_is_refused() -> None:
    with pytest.raises(Invalid, match="reserved"):
        check_endpoint_path("v1")


@pytest.mark.parametrize("token", ["", "1234567", "with space", "a+b&c#d%", "é" * 8, "a" * 256])
def test_a_token_that_a_url_would_spoil_is_refused(token: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_endpoint_token(token)
    assert not token or token not in refused.value.message


@pytest.mark.parametrize("name", ["a", " ", "a b", "é/%?#", "漢🙂", "a" * 255])
def test_a_good_metric_name_is_taken(name: str) -> None:
    check_metric_name(name)


@pytest.mark.parametrize("name", ["", "a\0", "a\n", "\x7f", "\x85", "\ud800", "a" * 256])
def test_a_bad_metric_name_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="The metric name"):
        check_metric_name(name)


@pytest.mark.parametrize("name", ["A", "_", "a1", "PATH"])
def test_a_good_variable_name_is_taken(name: str) -> None:
    check_variable_name(name)


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A=B", "A\0", "é", "CRAFT_AI_X", "PUMPHOUSE_X"])
def test_a_bad_variable_name_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        check_variable_name(name)


def test_text_that_cannot_be_stored_is_refused() -> None:
    check_text(None, "description")
    check_text("any text: é\n", "description")
    for text in ("\0", "x" * 10_001):
        with pytest.raises(Invalid, match="description"):
            check_text(text, "description")


def test_only_the_form_of_our_ids_is_known() -> None:
    identifier = "01890000-0000-7000-8000-00000000abcd"

    assert known_id(identifier, "execution") == identifier
    for other in (identifier.upper(), f"{{{identifier}}}", identifier.replace("-", ""), "", "é"):
        with pytest.raises(NotFound, match="execution"):
            known_id(other, "execution")
