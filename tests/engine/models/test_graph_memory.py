"""What the values inside a network take: measured once, and by hand."""

import torch
from torch import nn
from torch.nn.functional import mse_loss

import cases
from landscape_core.models.graph_memory import bytes_per_example
from landscape_core.models.user_model import from_module


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.curve = nn.Linear(3, 4), nn.Linear(4, 2), nn.Tanh()

    def forward(self, values):
        return self.second(self.curve(self.first(values)))


INPUTS = 3
EVERY = (3 + 4) + (4 + 4) + (4 + 2)
WIDEST = 4 + 4


def test_sizes_are_measured_once_for_all_parts_of_the_data_and_anew_in_another_type():
    module, calls = Small(), bytearray()  # a list would be put back as it was
    module.register_forward_hook(lambda *_: calls.append(1))
    data = cases.normal(6, 3, seed=1).float(), cases.normal(6, 2, seed=2).float()
    objective = from_module(module, mse_loss, data)
    calls.clear()
    assert bytes_per_example(objective) == 4 * (2 * WIDEST + INPUTS)
    measured = len(calls)
    assert measured == 1
    assert bytes_per_example(objective, gradient=True) == 4 * (EVERY + INPUTS)
    assert bytes_per_example(objective.first(4).apart()) == 4 * (2 * WIDEST + INPUTS)
    assert len(calls) == measured
    assert bytes_per_example(objective.in_double()) == 8 * (2 * WIDEST + INPUTS)


def test_wider_inputs_of_the_same_network_are_measured_by_themselves():
    module = nn.Sequential(nn.Flatten(0, 1), Small())
    narrow, wide = (cases.normal(4, rows, 3, seed=rows).float() for rows in (1, 5))
    found = [
        bytes_per_example(from_module(module, mse_loss, (x, torch.zeros(len(x)))))
        for x in (narrow, wide)
    ]
    objective = from_module(module, mse_loss, (narrow, torch.zeros(4)))
    assert bytes_per_example(objective) == found[0]
    assert bytes_per_example(objective.with_inputs(wide)) == found[1] > found[0]
