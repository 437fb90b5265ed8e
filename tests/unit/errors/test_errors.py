from pumphouse.errors import Conflict, PumphouseError, TooLarge, named, tree


def test_every_error_of_the_platform_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in tree() if kind.__module__ == PumphouseError.__module__]
    assert len(codes) > 5
    assert len(set(codes)) == len(codes)


def test_a_code_leads_back_to_its_class() -> None:
    assert named("Conflict") is Conflict
    assert named("TooLarge") is TooLarge
    assert named("from the future") is PumphouseError
