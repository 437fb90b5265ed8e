"""Names of files that come from elsewhere."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.mapping.file_names import MAX_BYTES, clean_file_name


@pytest.mark.parametrize(
    ("given_name", "cleaned"),
    [
        ("a.txt", "a.txt"),
        (" a b.txt ", "a b.txt"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("a\0b\r\nc", "abc"),
        (".hidden", ".hidden"),
        ("...", "input"),
        ("..", "input"),
        ("folder/", "input"),
        ("folder/data.csv", "data.csv"),
        ("\ud800", "input"),
        ("", "input"),
        (None, "input"),
        ("é" * 200 + ".jpeg", "é" * 125 + ".jpeg"),
        ("x" * 300, "x" * 255),
        ("." + "x" * 300, "." + "x" * 254),
    ],
)
def test_a_name_becomes_one_that_any_file_system_takes(
    given_name: str | None, cleaned: str
) -> None:
    assert clean_file_name(given_name, "input") == cleaned


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text())
def test_no_name_leads_anywhere_or_is_too_long(name: str, instead: str) -> None:
    cleaned = clean_file_name(name, instead)

    assert cleaned.strip(".")
    assert not set(cleaned) & set("/\\\0")
    assert len(cleaned.encode()) <= MAX_BYTES
    assert all(unicodedata.category(character) != "Cc" for character in cleaned)
