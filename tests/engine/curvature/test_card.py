"""Curvature on a graphics card that is not there: values, and what crosses to the processor."""

import torch

import cases
from card import card
from landscape_core.curvature.eigenpairs import eigenpairs
from landscape_core.curvature.matrices.hessian import Hessian
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.network_objective import ModelObjective


def wide():
    layers = [torch.nn.Linear(3, 24), torch.nn.Tanh(), torch.nn.Linear(24, 3)]
    return cases.filled(torch.nn.Sequential(*layers))


def test_no_vector_of_all_parameters_crosses_for_a_product():
    here = ModelObjective(wide(), CrossEntropy(), *cases.vectors())
    expected = eigenpairs(Hessian().at(here, here.start), 2, 1)
    assert here.layout.size > 150  # iterated, not taken whole
    with card() as there:
        objective = here.to("cuda:0")
        operator = Hessian().at(objective, objective.start)
        up, down = +there.up, +there.down
        found = eigenpairs(operator, 2, 1)
        size = here.layout.size
        assert found.matvecs > 20
        assert there.down[size] - down[size] == 0
        assert 1 <= there.up[size] - up[size] <= 4  # random starts alone
        values = found.values.cpu()
    torch.testing.assert_close(values, expected.values, rtol=1e-9, atol=1e-9)
