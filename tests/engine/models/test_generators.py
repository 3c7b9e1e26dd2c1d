"""Draws of an evaluation are told from those of other threads, which share the generators."""

import itertools
import random
import threading

import numpy as np
import pytest
from jaxtyping import config
from torch import nn
from torch.nn.functional import cross_entropy

import cases
from landscape_core.models import generators
from landscape_core.models.additivity import draws_random_numbers, stated
from landscape_core.models.user_model import from_module
from landscape_core.slices.one_call import landscape


class Disturbed(nn.Module):
    """A network beside which another thread draws from Python's generator, as servers do."""

    def __init__(self):
        super().__init__()
        self.inner = cases.mlp()

    def forward(self, values):
        random.meanwhile()  # of no module of ours, whose state would be the network's
        return self.inner(values)


@pytest.fixture
def disturbed(monkeypatch):
    """Makes the network, and the number of its evaluations; others draw at some of these."""
    monkeypatch.setattr(config, "jaxtyping_disable", True)  # its checks draw from Python's
    monkeypatch.setattr(generators, "CHECKS", "none")

    def made(*at):
        count = itertools.count()
        evaluations = []

        def meanwhile():
            evaluations.append(next(count))
            if evaluations[-1] in at:
                other = threading.Thread(target=random.random)
                other.start()
                other.join()

        monkeypatch.setattr(random, "meanwhile", meanwhile, raising=False)
        return Disturbed(), evaluations

    return made


@pytest.mark.parametrize("at", [2, 3])
def test_what_another_thread_draws_once_is_not_the_networks(disturbed, at):
    module, evaluations = disturbed(at)
    part = from_module(module, cross_entropy, cases.vectors())
    assert stated(part, of=part.examples)["draws"] == 0
    assert len(evaluations) > at
    assert not draws_random_numbers(part)


@pytest.mark.parametrize("at", [3, 10, 17])
def test_a_slice_beside_which_another_thread_draws_once_is_of_no_draw(disturbed, at):
    data = cases.vectors()
    calm = landscape(disturbed()[0], cross_entropy, data, resolution=5, span=1.0)
    module, evaluations = disturbed(at)
    found = landscape(module, cross_entropy, data, resolution=5, span=1.0)
    assert len(evaluations) > at
    assert found.attrs["draws"] == calm.attrs["draws"] == 0
    np.testing.assert_allclose(found["loss"].values, calm["loss"].values, rtol=1e-6)


def test_what_is_drawn_each_time_is_the_networks(disturbed):
    module, _ = disturbed(*range(10_000))
    part = from_module(module, cross_entropy, cases.vectors())
    assert draws_random_numbers(part)
    found = landscape(module, cross_entropy, cases.vectors(), resolution=3, span=1.0)
    assert found.attrs["draws"] == 1


def test_what_is_drawn_late_and_often_is_told():
    """The names that are found again in one of the repetitions remain."""
    answers = iter([set(), {"torch"}, {"random"}])
    assert generators.recurring({"torch", "random"}, lambda: next(answers)) == {"torch"}
