"""Fused steps on a graphics card that is not there: as on the processor, and without a wait."""

import pytest
import torch

import cases
from card import card
from landscape_core.training.optimizers._fused import adagrad_step, adam_step

THETA, G, M, V, U = (cases.normal(7, seed=seed) for seed in range(5))


def adam(*given):
    theta, g, m, v, u = given
    hyper = {"rate": 0.1, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-8, "decay": 0.01}
    return adam_step(theta, g, 3, m, v.square(), u.square(), **hyper)


def adagrad(*given):
    theta, g, _, v, _ = given
    return adagrad_step(theta, g, v.square(), rate=0.1, epsilon=1e-8, decay=0.01)


@pytest.mark.parametrize("step", [adam, adagrad])
def test_a_step_on_a_card_waits_for_nothing(step):
    expected = step(THETA, G, M, V, U)
    with card() as there:
        given = [one.to("cuda:0") for one in (THETA, G, M, V, U)]
        up = there.up.total()
        found = step(*given)
        assert (there.waits, there.up.total() - up, there.down.total()) == (0, 0, 0)
        assert {one.device.type for one in found} == {"cuda"}
        found = [one.cpu() for one in found]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=0)
