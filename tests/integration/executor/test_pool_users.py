"""Users of the pool, shared out among the executors of a host."""

import os
import subprocess
from pathlib import Path

import pytest

from pumphouse.executor.faults import PlatformFault
from pumphouse.executor.pool_users import PoolUsers, users_of_processes

FIRST = 58_180

only_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be other users")


def test_no_two_executors_have_the_same_user(tmp_path: Path) -> None:
    one, other = (PoolUsers(FIRST, 2, tmp_path) for _ in range(2))
    first, second = one.claim(), other.claim()
    assert {first.uid, second.uid} == {FIRST, FIRST + 1}
    with pytest.raises(PlatformFault):
        one.claim()
    first.release()
    assert other.claim().uid == first.uid


def test_the_locks_are_for_the_executor_alone(tmp_path: Path) -> None:
    folder = tmp_path / "users"
    PoolUsers(FIRST, 1, folder)
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("first", "count"), [(0, 10), (999, 1), (FIRST, 0)])
def test_users_that_may_be_somebody_are_refused(tmp_path: Path, first: int, count: int) -> None:
    with pytest.raises(PlatformFault):
        PoolUsers(first, count, tmp_path)


@only_root
def test_a_user_is_not_given_away_while_something_runs_as_it(tmp_path: Path) -> None:
    users = PoolUsers(FIRST, 2, tmp_path)
    with subprocess.Popen(["sleep", "60"], user=FIRST) as left:
        try:
            assert FIRST in users_of_processes()
            assert users.claim().uid == FIRST + 1
        finally:
            left.kill()
    assert users.claim().uid == FIRST


@only_root
def test_what_still_runs_as_a_user_ends_when_it_is_released(tmp_path: Path) -> None:
    user = PoolUsers(FIRST + 4, 1, tmp_path).claim()
    with subprocess.Popen(["sleep", "60"], user=user.uid, start_new_session=True) as left:
        user.release()
        assert left.wait(5) == -9
