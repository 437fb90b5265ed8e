"""Which status an error has."""

from http import HTTPStatus

import pytest

from pumphouse.errors import Invalid, PumphouseError, tree
from pumphouse.gateway.problems import STATUS, status_of

CLASSES = [kind for kind in tree() if kind.__module__ == PumphouseError.__module__]


@pytest.mark.parametrize("kind", CLASSES[1:])
def test_every_error_has_a_status_of_its_own(kind: type[PumphouseError]) -> None:
    assert kind in STATUS


def test_an_error_without_one_has_that_of_the_class_above() -> None:
    class Odd(Invalid):
        pass

    assert status_of(Odd) is HTTPStatus.BAD_REQUEST
    assert status_of(PumphouseError) is HTTPStatus.INTERNAL_SERVER_ERROR
    assert Odd("x").code == "InvalidParameters"
