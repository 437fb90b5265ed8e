"""Which status an error has."""

from http import HTTPStatus

import pytest

from pumphouse.errors import Invalid, PumphouseError, Unavailable, tree
from pumphouse.gateway.problems import STATUS, ExecutionFailed, status_of

CLASSES = [kind for kind in tree() if kind.__module__ == PumphouseError.__module__]


@pytest.mark.parametrize("kind", CLASSES[1:])
def test_every_error_has_a_status_of_its_own(kind: type[PumphouseError]) -> None:
    assert kind in STATUS


def test_only_what_the_platform_or_user_code_failed_at_is_a_server_error() -> None:
    failures = {kind for kind, status in STATUS.items() if status >= 500}
    assert failures == {Unavailable, ExecutionFailed}


def test_an_error_without_one_has_that_of_the_class_above() -> None:
    class Odd(Invalid):
        pass

    assert status_of(Odd) is HTTPStatus.BAD_REQUEST
    assert status_of(PumphouseError) is HTTPStatus.INTERNAL_SERVER_ERROR
    assert Odd("x").code == "InvalidParameters"
