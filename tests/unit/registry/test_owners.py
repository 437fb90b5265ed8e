"""Whose objects are, and which of the owners are gone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.registry.owners import OWNED_PREFIX, Known, Owner, orphaned_prefixes, owner_of
from pumphouse.storage.keys import (
    archive_key,
    constant_key,
    deployment_prefix,
    execution_prefix,
    input_key,
    output_key,
    pipeline_prefix,
    upload_prefix,
    upload_size_key,
)

EXECUTION = execution_prefix("p", "d", "e")
RUN = execution_prefix("p", None, "r")


@pytest.mark.parametrize(
    ("key", "owner"),
    [
        (archive_key("p"), Owner("p")),
        (constant_key(deployment_prefix("p", "d"), "0"), Owner("p", "d")),
        (constant_key(RUN, "0"), Owner("p", None, "r")),
        (input_key(RUN, 0), Owner("p", None, "r")),
        (input_key(EXECUTION, 0), Owner("p", "d", "e")),
        (output_key(EXECUTION, 3), Owner("p", "d", "e")),
        (f"{EXECUTION}later/versions/may/do/this", Owner("p", "d", "e")),
        (f"{pipeline_prefix('p')}or/this", Owner("p")),
        (upload_size_key(upload_prefix("u")), None),
        ("elsewhere", None),
        ("pipelines", None),
        ("pipelines/p", None),
    ],
)
def test_a_key_names_the_innermost_owner(key: str, owner: Owner | None) -> None:
    assert owner_of(key) == owner


@pytest.mark.parametrize(
    ("owner", "known", "prefix"),
    [
        (Owner("p", "d", "e"), Known({"p"}, {"d"}, {"e"}), None),
        (Owner("p", "d", "e"), Known({"p"}, {"d"}, set()), EXECUTION),
        (Owner("p", "d", "e"), Known({"p"}, set(), set()), deployment_prefix("p", "d")),
        (Owner("p", "d", "e"), Known(set(), set(), set()), pipeline_prefix("p")),
        (Owner("p", None, "r"), Known({"p"}, set(), {"r"}), None),
        (Owner("p", None, "r"), Known({"p"}, {"r"}, {"e"}), RUN),
        (Owner("p", "d"), Known({"p"}, {"d"}, set()), None),
        (Owner("p", "d"), Known({"p"}, {"p"}, {"d"}), deployment_prefix("p", "d")),
        (Owner("p"), Known({"p"}, set(), set()), None),
        (Owner("p"), Known({"d"}, {"p"}, {"p"}), pipeline_prefix("p")),
    ],
)
def test_what_an_unknown_owner_has_is_orphaned_as_far_out_as_it_goes(
    owner: Owner, known: Known, prefix: str | None
) -> None:
    assert orphaned_prefixes([owner], known) == ({prefix} - {None})


def test_owners_that_go_together_are_one_prefix() -> None:
    owners = [Owner("p", "d", "e"), Owner("p", "d"), Owner("p", None, "r"), Owner("p")]
    assert orphaned_prefixes(owners, Known(set(), set(), set())) == {pipeline_prefix("p")}


IDS = st.uuids().map(str)
OWNERS = st.builds(Owner, IDS, st.none() | IDS, st.none() | IDS)


def prefix_of(owner: Owner) -> str:
    if owner.execution_id is not None:
        return execution_prefix(owner.pipeline_id, owner.deployment_id, owner.execution_id)
    if owner.deployment_id is not None:
        return deployment_prefix(owner.pipeline_id, owner.deployment_id)
    return pipeline_prefix(owner.pipeline_id)


@given(OWNERS, st.integers(0, 99))
def test_every_key_that_is_made_for_an_owner_names_it(owner: Owner, position: int) -> None:
    for key in (input_key(prefix_of(owner), position), output_key(prefix_of(owner), position)):
        assert owner_of(key) == owner
        assert key.startswith(OWNED_PREFIX)


@given(st.lists(OWNERS, max_size=6), st.data())
def test_no_orphaned_prefix_holds_anything_of_a_known_owner(
    owners: list[Owner], data: st.DataObject
) -> None:
    alive = data.draw(st.sets(st.sampled_from(owners))) if owners else set()
    known = Known(
        {owner.pipeline_id for owner in alive},
        {owner.deployment_id for owner in alive if owner.deployment_id is not None},
        {owner.execution_id for owner in alive if owner.execution_id is not None},
    )
    prefixes = orphaned_prefixes(owners, known)
    for owner in alive:
        assert not any(prefix_of(owner).startswith(prefix) for prefix in prefixes)
    ids = {*known.pipelines, *known.deployments, *known.executions}
    for owner in owners:
        if (owner.execution_id or owner.deployment_id or owner.pipeline_id) not in ids:
            assert any(prefix_of(owner).startswith(prefix) for prefix in prefixes)


@given(st.text(st.sampled_from("pipelnsdoymtrucx/"), max_size=60))
def test_any_key_has_an_owner_or_none(key: str) -> None:
    owner = owner_of(key)
    if owner is not None:
        assert key.startswith(prefix_of(owner))
