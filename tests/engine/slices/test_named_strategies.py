"""A strategy that is asked for by name answers itself, with a store as without one."""

import numpy as np
import pytest
from torch.nn.functional import cross_entropy

import cases
from landscape_core import Run, SliceSpec, Supervised, landscape
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.datasets.spirals import Spirals
from landscape_core.session.session import Session
from landscape_core.slices.strategies.cuda_graph import CudaGraph
from landscape_core.slices.strategies.loop import Loop
from landscape_core.slices.strategies.plane_algebra import PlaneAlgebra
from landscape_core.slices.strategies.vmap import Vmap
from landscape_core.storage.store import Store

NAMES = ("vmap", "loop", "plane_algebra", "shared_layers")
RUN = Run(
    problem=Supervised(dataset=Spirals(points=20), architecture=MLP(width=4)), steps=3, batch_size=4
)


def asked(strategy, store=None):
    return landscape(
        cases.mlp(), cross_entropy, cases.vectors(20), resolution=5, strategy=strategy, store=store
    )


def held(strategy, store):
    """The held picture's slice of a session that is asked for a strategy."""
    session = Session(RUN, SliceSpec(resolution=11), store, strategy=strategy)
    *_, last = session.refine()
    return last.slice


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "kept")


@pytest.mark.parametrize("first", NAMES)
@pytest.mark.parametrize("then", NAMES)
def test_a_named_strategy_is_never_answered_by_another(first, then, store):
    for name in (first, then, first):
        found = asked(name, store)
        assert list(found.attrs["strategy"]) == [name]
        assert found.identical(asked(name).assign_attrs(found.attrs))
    assert len(store.entries()) == len({first, then})


def test_another_block_of_the_loop_is_another_answer(store):
    for strategy in (Loop(), Loop(block=7), Loop()):
        asked(strategy, store)
    assert len(store.entries()) == 2


def test_no_name_is_answered_by_what_was_kept_before(store):
    first = asked(None, store)
    assert asked(None, store).identical(first)
    assert len(store.entries()) == 1


@pytest.mark.parametrize("name", ["loop", None])
def test_a_slice_has_the_same_attributes_with_a_store_as_without(name, store):
    bare = asked(name)
    for _ in range(2):
        kept = asked(name, store)
        chosen = {"strategy", "checked_deviation", "checked_points"} if name is None else set()
        assert kept.attrs.keys() == bare.attrs.keys()
        for attribute in bare.attrs.keys() - chosen:
            assert type(kept.attrs[attribute]) is type(bare.attrs[attribute])
            np.testing.assert_equal(kept.attrs[attribute], bare.attrs[attribute])  # NaN too


@pytest.mark.parametrize("strategy", [Loop(), PlaneAlgebra(), Vmap()], ids=lambda one: one.label)
def test_the_strategy_of_a_session_is_never_answered_by_another(strategy, store):
    held(None, store)
    for one in (Loop(), strategy, Loop(), strategy):
        kept, bare = held(one, store), held(one, None)
        assert list(kept.attrs["strategy"]) == list(bare.attrs["strategy"])
        np.testing.assert_array_equal(kept["loss"].values, bare["loss"].values)


def test_the_strategy_of_a_session_is_answered_by_what_was_kept_of_it(store):
    name = held(None, store).attrs["strategy"][0]
    entries = len(store.entries())
    same = {"plane_algebra": PlaneAlgebra(), "vmap": Vmap(), "loop": Loop()}[name]
    held(same, store)
    assert len(store.entries()) == entries


def test_a_strategy_of_a_session_that_cannot_evaluate_the_network_gives_way_and_says_so(store):
    with pytest.warns(UserWarning, match="cuda_graph does not evaluate this network, the loop"):
        found = held(CudaGraph(), store)
    assert list(found.attrs["strategy"]) == ["loop"]


def test_a_strategy_of_a_session_that_raises_an_error_gives_way_and_says_so(store, monkeypatch):
    def broken(self, reading):
        raise RuntimeError("broken")

    monkeypatch.setattr(Vmap, "reader", broken)
    with pytest.warns(UserWarning, match="vmap does not evaluate this network.*broken"):
        found = held(Vmap(), store)
    assert list(found.attrs["strategy"]) == ["loop"]
    np.testing.assert_array_equal(found["loss"].values, held(Loop(), None)["loss"].values)
