"""Rules for the text of requirements files, and for languages."""

import pytest

from pumphouse.executor.faults import BuildFailed
from pumphouse.executor.languages import Language, language_of
from pumphouse.executor.requirements import (
    filled_in,
    further_files,
    hashes_in,
    hidden,
    index_options,
    is_local,
    locked,
    requirements_in,
    variables_in,
    without_hash,
    without_values,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("python:3.11-slim", Language("3.11")),
        ("python:3.8-slim", Language("3.8")),
        ("python:3.12.4-slim-bookworm", Language("3.12")),
        ("python:3.13", Language("3.13")),
        ("python-cuda:3.10-12.1", Language("3.10", wants_cuda=True)),
    ],
)
def test_languages_that_can_be_had(text: str, expected: Language) -> None:
    assert language_of(text) == expected


@pytest.mark.parametrize("text", [None, ""])
def test_no_language_is_the_executors_own(text: str | None) -> None:
    assert language_of(text) == Language()


@pytest.mark.parametrize(
    "text",
    ["ruby:3.2", "python", "python:3", "python:slim", "python:2.7", "python:3.7-slim", "x" * 99],
)
def test_other_languages_are_refused_by_name(text: str) -> None:
    with pytest.raises(BuildFailed) as refused:
        language_of(text)
    assert repr(text[:80]) in refused.value.message


def test_values_stand_for_variables_but_not_in_comments() -> None:
    text = "a==${V}  # ${NOT}\n#${NOT}\n--index-url https://${TOKEN}@x/${V}#egg\n$V ${} ${1}\n"
    assert variables_in(text) == {"V", "TOKEN"}
    assert filled_in(text, {"V": "1", "TOKEN": "t", "MORE": "m"}) == (
        "a==1  # ${NOT}\n#${NOT}\n--index-url https://t@x/1#egg\n$V ${} ${1}\n"
    )


def test_a_value_is_not_looked_into_for_variables() -> None:
    assert filled_in("${A}", {"A": "${B}", "B": "b"}) == "${B}"


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(BuildFailed, match="'B'"):
        filled_in("${A}==${B}", {"A": "a"})


def test_files_that_are_included() -> None:
    text = (
        "-r a.txt\n--requirement=b.txt\n -c c.txt # why\n--constraint d.txt\n-re.txt\n"
        "# -r no.txt\nrequests\n-r https://x/no.txt\n--require-hashes\n-e ./no\n"
    )
    assert further_files(text) == ["a.txt", "b.txt", "c.txt", "d.txt", "e.txt"]


def test_options_of_indexes_are_kept_as_they_are_meant_from_the_code() -> None:
    text = (
        "-i https://x/simple\n--extra-index-url=https://${T}@y\n--find-links ../wheels\n"
        "-f /abs\n--find-links https://z\n--pre\n--no-index\nsix\n-r a.txt\n--prefer \n"
        "--only-binary \\\n  :all:\n"
    )
    assert index_options(text, "deploy/sub") == [
        "-i https://x/simple",
        "--extra-index-url=https://${T}@y",
        "--find-links ./deploy/wheels",
        "-f /abs",
        "--find-links https://z",
        "--pre",
        "--no-index",
        "--only-binary    :all:",
    ]


def test_values_leave_the_urls_of_a_lock_and_nothing_else() -> None:
    text = "a==1.0\nb @ https://user:s%2Fx@host/b-1.0.whl?key=s%2Fx\n"
    assert without_values(text, {"V": "1.0", "S": "s/x"}) == (
        "a==1.0\nb @ https://user:${S}@host/b-${V}.whl?key=${S}\n"
    )


def test_the_longest_value_is_hidden_first() -> None:
    assert (
        hidden("abcdef abc", {"SHORT": "abc", "LONG": "abcdef", "EMPTY": ""}) == "${LONG} ${SHORT}"
    )


COMPILED = """\
-e ./lib
Six_pack==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
tool @ git+https://x/tool@abc
"""


def test_a_lock_has_the_options_and_nothing_editable() -> None:
    lock = locked(COMPILED, ["--no-index"], {})
    assert lock == (
        "--no-index\n./lib\nSix_pack==1.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
        "tool @ git+https://x/tool@abc\n"
    )
    assert len(requirements_in(lock)) == 3
    unhashed = without_hash(lock)
    assert unhashed == ["./lib", "tool @ git+https://x/tool@abc"]
    assert [is_local(requirement) for requirement in unhashed] == [True, False]


def test_given_hashes_are_the_only_ones_of_their_package() -> None:
    given = hashes_in("six-Pack >= 1 --hash=sha256:cc --hash sha256:dd\nother\n")
    assert given == {"six-pack": ["sha256:cc", "sha256:dd"]}
    lock = locked(COMPILED, [], given)
    assert "Six_pack==1.0 \\\n    --hash=sha256:cc \\\n    --hash=sha256:dd\n" in lock
    assert "sha256:aa" not in lock
