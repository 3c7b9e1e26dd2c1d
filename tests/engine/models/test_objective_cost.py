"""What an evaluation of a given network takes, against a count by hand."""

import torch
from torch import nn
from torch.nn.functional import mse_loss

from landscape_core.models.objective_cost import evaluation_cost
from landscape_core.models.user_model import user_problem


class Repeated(nn.Linear):
    """A layer of 3 inputs and outputs that is applied five times."""

    def forward(self, x):
        for _ in range(5):
            x = super().forward(x)
        return x


def cost(model, examples):
    inputs = torch.ones(examples, 3)
    train = user_problem(model, mse_loss, (inputs, inputs)).parts["train"]
    return evaluation_cost(train, train.start)


def test_the_operations_are_those_of_the_products_of_matrices():
    two = nn.Sequential(nn.Linear(3, 7), nn.Tanh(), nn.Linear(7, 3))
    assert cost(two, 10)[0] == 2 * 10 * (3 * 7 + 7 * 3)
    assert cost(two, 20)[0] == 2 * 20 * (3 * 7 + 7 * 3)
    assert cost(Repeated(3, 3), 4)[0] == 5 * 2 * 4 * 3 * 3


def test_a_loop_has_more_operators():
    once, often = cost(nn.Linear(3, 3), 4)[1], cost(Repeated(3, 3), 4)[1]
    assert 0 < once < often
    assert cost(nn.Linear(3, 3), 400)[1] == once
