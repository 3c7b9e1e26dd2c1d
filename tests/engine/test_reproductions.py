"""Claims of papers hold at a small size, and the exact ones exactly.

All five seeds at full size are in `benchmarks/reproduce.py`; here each claim is tried on a seed
that is not among those.
"""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from torch import nn

import cases
import reproduce
import reproduce_parts
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.directions.random import Random

SEED = 7

pytestmark = pytest.mark.usefixtures("unchecked")


def rescaled(factor):
    """A ReLU network with its first layer multiplied and its second divided by a factor."""
    layers = [nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3)]
    module = cases.filled(nn.Sequential(*layers))
    with torch.no_grad():
        module[0].weight *= factor
        module[0].bias *= factor
        module[2].weight /= factor
    return ModelObjective(module, CrossEntropy(), *cases.vectors(60))


def test_a_width_is_where_the_loss_has_risen_so_far():
    objective = rescaled(1.0)
    plane = reproduce.spanned(objective, objective.start, Random(), 100 * SEED, 1)
    found = reproduce.line_width(objective, objective.start, "filter", SEED, lines=1)
    low, high = 0.0, found + 0.1
    here = objective.loss(objective.start)
    for _ in range(50):
        middle = (low + high) / 2
        point = plane.points(torch.tensor([[middle]], dtype=torch.float64))[0]
        low, high = (low, middle) if objective.loss(point) > here + 0.1 else (middle, high)
    assert found == pytest.approx(low, abs=0.01)


def test_a_curve_joins_minima_of_two_starts_that_a_line_does_not():
    found = reproduce.connected(SEED, steps=300, bend=600)
    assert found["straight"] >= 0.2
    assert found["curve"] < 0.1 * found["straight"]


def test_small_batches_find_wider_minima_in_filter_normalized_units():
    found = reproduce.batch_sizes(SEED, epochs=(15, 60), decays=(0.0,), lines=3)
    small, large = (found[batch, 0.0] for batch in (reproduce.SMALL, reproduce.LARGE))
    assert small["filter width"] > large["filter width"]


@pytest.mark.slow
def test_skips_smooth_the_slice():
    found = reproduce.skips(SEED, steps=150, resolution=11)
    off, on = found["without"], found["with"]
    assert off["roughness, linear"] > on["roughness, linear"]
    assert off["loss"] > 10 * on["loss"]


def test_a_claim_that_fails_on_more_than_one_seed_is_not_reproduced():
    held = ([True] * 5, [True] * 4 + [False], [True] * 3 + [False] * 2)
    assert [reproduce.status(each) for each in held] == ["PASS", "PARTIAL", "NOT REPRODUCED"]


def test_every_claim_about_a_part_is_tried_and_told():
    modules = reproduce_parts.claims()
    assert modules
    for module in modules.values():
        assert callable(module.work)
        assert callable(module.report)


def test_coordinates_and_acceleration_save_what_theory_says():
    convex = reproduce_parts.claims()["convex"]
    sections = convex.report([convex.work(SEED)])
    assert [status for _, status, _ in sections] == ["PASS", "PASS"]
