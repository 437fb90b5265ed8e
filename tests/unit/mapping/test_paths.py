from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.errors import Invalid
from pumphouse.mapping import clean_folder, clean_path, clean_target, fill_in
from tests.unit.mapping.samples import NOON

EXECUTION_ID = "01957a3a-0000-7000-8000-0000000000ee"
CLEANERS: list[Callable[[str], str]] = [clean_path, clean_folder, clean_target]


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("a", "a"),
        ("/a/b.csv", "a/b.csv"),
        ("naïve é/🎈", "naïve é/🎈"),
        (".hidden/...", ".hidden/..."),
        ("a b+c?d#e%2F", "a b+c?d#e%2F"),
        ("{date", "{date"),
        ("x" * 1024, "x" * 1024),
        ("/" + "é" * 512, "é" * 512),
    ],
)
def test_a_path_is_a_key_without_its_first_slash(path: str, key: str) -> None:
    assert clean_path(path) == key
    assert clean_target(path) == key
    assert clean_folder(path) == clean_folder(f"{path}/") == f"{key}/"


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("//a", "'/a' cannot be used"),
        ("a//b", "'a//b' cannot be used"),
        ("a//", "cannot be used"),
        ("..", "'..'"),
        ("a/../b", "'a/../b'"),
        ("/./a", "'./a'"),
        ("a\x00", "control characters"),
        ("a\nb", "control characters"),
        ("a\x85b", "control characters"),
        ("a\\b", "backslash"),
        ("a\ud800", "not Unicode"),
        ("x" * 1025, "1,025 bytes"),
        ("é" * 513, "1,026 bytes"),
    ],
)
@pytest.mark.parametrize("clean", CLEANERS)
def test_what_is_no_path_is_refused_with_what_to_change(
    clean: Callable[[str], str], path: str, named: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        clean(path)
    assert named in refusal.value.message
    assert len(refusal.value.message) < 250


@pytest.mark.parametrize("path", ["", "/", "//"])
def test_an_object_has_a_path(path: str) -> None:
    with pytest.raises(Invalid):
        clean_path(path)


def test_an_object_is_not_named_like_a_folder() -> None:
    with pytest.raises(Invalid, match="'a/'"):
        clean_path("a/")


@pytest.mark.parametrize("path", ["", "/"])
def test_everything_is_below_no_folder(path: str) -> None:
    assert clean_folder(path) == ""


def test_two_slashes_are_no_folder() -> None:
    with pytest.raises(Invalid):
        clean_folder("//")


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("{user}/a", "has {user}, and only {execution_id}, {date}, {date_time}"),
        ("{DATE}", "has {DATE}"),
        ("{date}/{time}", "has {time}"),
        ("x" * 1017 + "{date}", "1,025 bytes"),
        ("x" * 1000 + "{execution_id}", "1,036 bytes"),
    ],
)
def test_an_output_path_that_cannot_be_filled_in_is_refused(path: str, named: str) -> None:
    with pytest.raises(Invalid) as refusal:
        clean_target(path)
    assert named in refusal.value.message


def test_words_in_braces_are_filled_in_with_the_time_in_utc() -> None:
    tokyo = datetime(2026, 1, 1, 8, 5, 9, tzinfo=timezone(timedelta(hours=9)))
    target = "{date}/{date_time}-{execution_id}-{date}-{}-{a b}-{.csv"
    assert fill_in(clean_target(target), EXECUTION_ID, tokyo) == (
        f"20251231/20251231_230509-{EXECUTION_ID}-20251231-{{}}-{{a b}}-{{.csv"
    )


@pytest.mark.parametrize("target", ["{other}", "..", "a//b", "x" * 1020 + "{date}"])
def test_what_fills_in_to_no_path_is_refused(target: str) -> None:
    with pytest.raises(Invalid):
        fill_in(target, EXECUTION_ID, NOON)


PARTS = st.sampled_from(["/", ".", "..", "a", "é", "{", "}", "date", "{date}", "{x}", "\x00", " "])
PATHS = st.lists(PARTS, max_size=8).map("".join) | st.text(max_size=20)
MOMENTS = st.integers(0, 100 * 365 * 24 * 3600).map(
    lambda seconds: datetime.fromtimestamp(seconds, UTC)
)


@given(PATHS, st.sampled_from(CLEANERS))
def test_a_clean_path_stays_as_it_is_and_climbs_nowhere(
    path: str, clean: Callable[[str], str]
) -> None:
    try:
        cleaned = clean(path)
    except Invalid:
        return
    assert clean(cleaned) == cleaned
    assert cleaned in (path.removeprefix("/"), f"{path.removeprefix('/')}/")
    segments = cleaned.removesuffix("/").split("/") if cleaned else []
    assert not {"", ".", ".."} & set(segments)
    assert len(cleaned.encode()) <= 1025


@given(PATHS, MOMENTS)
def test_a_clean_target_can_be_filled_in_at_any_time(path: str, moment: datetime) -> None:
    try:
        target = clean_target(path)
    except Invalid:
        return
    filled_in = fill_in(target, EXECUTION_ID, moment)
    assert clean_path(filled_in) == filled_in
    assert "{date}" not in filled_in
