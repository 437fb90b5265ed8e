"""Which isolation follows from what a host can do."""

import msgspec
import pytest

from pumphouse.executor.isolation import Facts, Level, Trial, isolation_of

SCOPING = 6
WALLS = ("limits", "folders", "processes", "privileges", "files", "calls", "folder", "interpreter")
STANDS = dict.fromkeys(WALLS, "")
GOOD = Trial(walls=STANDS)
GONE = Trial(problem="bwrap is not there")
ROOT = Facts(is_root=True, users="", landlock=7, view=GOOD, bars=GOOD)
ORDINARY = msgspec.structs.replace(ROOT, is_root=False)


def without(*walls: str) -> Trial:
    return Trial(walls=STANDS | dict.fromkeys(walls, "not here"))


@pytest.mark.parametrize("facts", [ROOT, ORDINARY])
def test_with_everything_nothing_is_missing(facts: Facts) -> None:
    found = isolation_of(facts, SCOPING)
    assert (found.level, found.missing) == (Level.WALLED, [])
    assert found.has_view
    assert found.has_folders
    assert found.is_scoped
    assert found.has_user is facts.is_root


@pytest.mark.parametrize("facts", [ROOT, ORDINARY])
@pytest.mark.parametrize("view", [GONE, without("files"), without("calls"), Trial()])
def test_without_a_view_there_are_bars(facts: Facts, view: Trial) -> None:
    found = isolation_of(msgspec.structs.replace(facts, view=view), SCOPING)
    assert found.level is Level.BARRED
    assert not found.has_view
    assert found.has_bars
    assert {reason.split(":")[0] for reason in found.missing} == {"bubblewrap"}


@pytest.mark.parametrize("facts", [ROOT, ORDINARY])
@pytest.mark.parametrize("wall", ["limits", "privileges", "files", "calls"])
def test_bars_are_all_or_nothing(facts: Facts, wall: str) -> None:
    found = isolation_of(
        msgspec.structs.replace(facts, view=without(wall), bars=without(wall)), SCOPING
    )
    assert found.level is Level.PLAIN
    assert not found.has_bars
    assert not found.has_user
    assert any("not here" in reason for reason in found.missing)
    assert ("user code runs as root" in found.missing) is facts.is_root


def test_root_without_users_for_code_is_plain_whatever_else_works() -> None:
    found = isolation_of(msgspec.structs.replace(ROOT, users="all are in use"), SCOPING)
    assert found.level is Level.PLAIN
    assert not found.has_view
    assert found.missing == ["user code runs as root, because all are in use"]


def test_folders_and_scopes_are_asked_for_only_where_they_are() -> None:
    facts = msgspec.structs.replace(ORDINARY, view=without("folders"), landlock=5)
    found = isolation_of(facts, SCOPING)
    assert found.level is Level.WALLED
    assert not found.has_folders
    assert not found.is_scoped
    assert len(found.missing) == 2
