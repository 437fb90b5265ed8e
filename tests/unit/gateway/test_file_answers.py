"""Headers of answers that are files."""

from hypothesis import given
from hypothesis import strategies as st

from pumphouse.gateway.file_answers import attachment


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_name_can_stand_in_a_header(name: str) -> None:
    header = attachment(name)

    assert header.isascii()
    assert header.isprintable()


def test_a_plain_name_stands_in_the_header_as_it_is() -> None:
    assert attachment("add_0199-a.b_sum") == "attachment; filename=add_0199-a.b_sum"
    assert attachment('a "b"') == "attachment; filename*=UTF-8''a%20%22b%22"
