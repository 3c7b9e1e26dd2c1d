"""Steps on a graphics card that is not there: as on the processor, and without a wait."""

import pytest
import torch

import cases
from card import card
from landscape_core.training.optimizers.adagrad import AdaGrad
from landscape_core.training.optimizers.adam import Adam


def steps(optimizer, objective, count=3):
    """The parameters after so many steps, and what was done before the last."""
    theta, memory = objective.start, optimizer.init(objective.start)
    for _ in range(count):
        theta, memory = optimizer.step(objective, theta, memory)
    return theta


@pytest.mark.parametrize("optimizer", [Adam(learning_rate=0.1), AdaGrad(learning_rate=0.1)])
def test_a_step_on_a_card_waits_for_nothing(optimizer):
    here = cases.mlp_objective()
    expected = steps(optimizer, here)
    with card() as there:
        objective = here.to("cuda:0")
        steps(optimizer, objective, 1)  # the first one looks at the network
        before = there.waits, there.up.total(), there.down.total()
        found = steps(optimizer, objective)
        assert (there.waits, there.up.total(), there.down.total()) == before
        assert found.device.type == "cuda"
        found = found.cpu()
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
