"""Trust ratios ‖θₗ‖/‖rₗ‖ of the layers along a run: You et al., 2020, arXiv:1904.00962.

r is the step that a rule would take without learning rates: Adam's direction, or the gradient, with
weight decay. LAMB and LARS multiply the learning rate of a layer by its ratio (LAMB with a bound on
the norm of the weights, LARS with a coefficient); for other rules it is what they would need.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from landscape_core.connectivity.paths.base import batches
from landscape_core.foundation.types import Vector
from landscape_core.labs._stacked_networks import Layers, Rule
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Layout
from landscape_core.training.optimizers.adamw import AdamW
from landscape_core.training.optimizers.lamb import LAMB
from landscape_core.training.run import Training

ROLES = {
    ".query": "queries and keys",
    ".key": "queries and keys",
    ".value": "values and output",
    ".last": "values and output",
    ".branch": "feed-forward",
    ".places": "positions",
    "1.weight": "embedding",
}
"""What weight matrices of attention do, by parts of their names; the others classify."""


def trust_ratios(
    training: Training, rule: Rule, whole: ModelObjective
) -> Iterator[npt.NDArray[np.float64]]:
    """The ratio of each group of layers at each step, until the run diverges.

    Args:
        training: of a run with the sampler `FullBatches`.
        rule: its optimizer.
        whole: its training loss.
    """
    run, state = training.run, training.start()
    layers, owners = Layers(whole.layout, whole.start), np.array(layers_of(whole.layout))
    groups = [owners == name for name in dict.fromkeys(owners.tolist())]
    for part in islice(batches(whole, run.batch_size, run.seed), run.steps):
        after = training.advance(state)
        if after.diverged:
            return
        r = direction(rule, part, state.theta, after.memory)
        weights, updates = layers.norms(torch.stack([state.theta, r])).double().log().numpy()
        yield np.exp([(weights - updates)[group].mean() for group in groups])
        state = after


def direction(rule: Rule, part: Objective, theta: Vector, memory: Any) -> Vector:
    """Step r = m̂/(√v̂ + ε) + λθ, or g + λθ; the memory is that after the step."""
    if not isinstance(rule, LAMB | AdamW):
        return part.gradient(theta) + rule.weight_decay * theta
    t, m, v = memory
    root = (v / (1 - rule.beta2**t)).sqrt() + rule.epsilon
    found: Vector = m / (1 - rule.beta1**t) / root + rule.weight_decay * theta
    return found


def layers_of(layout: Layout) -> list[str]:
    """The group that each weight matrix belongs to: its layer; with attention, what it does."""
    names = [block.name for block in layout.blocks if block.has_filters]
    if not any(".branch" in name for name in names):
        return [f"layer {number}" for number in range(1, len(names) + 1)]
    known = ((words for part, words in ROLES.items() if part in name) for name in names)
    return [next(words, "classifier") for words in known]
