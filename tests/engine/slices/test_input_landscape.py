"""A landscape over the inputs: the example of the documentation against a plain loop."""

import re
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import landscape_lab as ll

PAGE = Path(__file__).parents[3] / "docs" / "slices.md"


@pytest.fixture(scope="module")
def shown():
    """What the example of the documentation leaves, run on a small network."""
    section = PAGE.read_text("utf-8").partition("## A landscape over the inputs")[2]
    (code,) = re.findall(r"```python\n(.*?)```", section.partition("\n## ")[0], re.DOTALL)
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    inputs = torch.randn(5, 1, 4, 4, generator=generator)
    model(inputs)  # moves the statistics
    model.eval()
    targets = torch.tensor([2, 0, 1, 2, 0])
    place = {"model": model, "loss": cross_entropy, "inputs": inputs, "targets": targets}
    exec(code, place)  # the documentation of this repository
    return place


def test_it_is_the_loss_of_the_moved_example(shown):
    found, model = shown["over_inputs"], shown["model"]
    first, second = shown["axes"].reshape(2, 1, 1, 4, 4)
    for alpha in found["alpha"].values[::5]:
        for beta in found["beta"].values[::5]:
            with torch.no_grad():
                outputs = model(shown["x"] + float(alpha) * first + float(beta) * second)
                expected = float(cross_entropy(outputs, shown["y"]))
            here = found["loss"].sel(split="train", alpha=alpha, beta=beta)
            assert float(here) == pytest.approx(expected, rel=1e-5)
    assert found["alpha"].attrs["long_name"] == "gradient"


def test_the_network_is_as_it_was_and_its_weights_do_not_move(shown):
    assert all(parameter.requires_grad for parameter in shown["model"].parameters())
    assert shown["over_inputs"].sizes["param"] == 16


def test_the_loss_rises_along_its_gradient(shown):
    losses = shown["over_inputs"]["loss"].sel(split="train", beta=0)
    assert float(losses[11]) > float(losses[10]) > float(losses[9])


def test_its_curvature_is_that_in_the_inputs(shown):
    of_input, y = shown["OfInput"](shown["model"], shown["x"]), shown["y"]
    found = ll.spectrum(of_input, cross_entropy, (torch.zeros(1, 1), y), top=1, bottom=0)
    matrix = torch.autograd.functional.hessian(
        lambda flat: cross_entropy(shown["model"](flat.reshape(1, 1, 4, 4)), y),
        shown["x"].flatten(),
    )
    expected = float(torch.linalg.eigvalsh(matrix)[-1])
    assert float(found["eigenvalue"][0, 0]) == pytest.approx(expected, rel=1e-3)
