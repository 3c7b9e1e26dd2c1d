"""The masks of lottery tickets and their controls, round by round, and a picture of them."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch

from landscape_core.foundation.random_streams import stream
from landscape_core.foundation.types import Vector
from landscape_core.models import pruning
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Layout
from landscape_core.models.pruning import Mask
from landscape_core.models.supermask import Supermask
from landscape_core.training.optimizers.adam import Adam

FRACTION, LAST_FRACTION = 0.3, 0.15
"""Fractions of the remaining weights that a round prunes. Frankle and Carbin prune 0.2 and 0.1, and
half as many in the last layer as well; more is done in fewer rounds."""
LOGITS = Adam(learning_rate=0.1)
"""Of the learned supermask."""
TILES, SIDE = 6, 8
"""The picture of a mask: rows and columns of hidden units, each with its 8 x 8 pixels."""

Array = npt.NDArray[np.float64]


class Masks:
    """The masks of a seed, round by round: of the ticket, of a control, of the supermask."""

    def __init__(
        self, layout: Layout, start: Vector, *, supermask: str, other_mask: str, seed: int
    ) -> None:
        """Begin with the mask that keeps everything; `start` (P,) are the initial weights."""
        self._layout, self._start, self._seed = layout, start, seed
        self._supermask, self._other = supermask, other_mask
        self._mask = pruning.full_mask(layout)
        self._logits = self._sensitivity = torch.zeros_like(start)

    def prepare(self, dense: Objective, batches: Iterable[Objective]) -> None:
        """Compute the scores that need no round: the sensitivity of all weights, learned logits."""
        if self._other == "SNIP":
            self._sensitivity = pruning.connection_sensitivity(dense, self._start)
        if self._supermask == "learned":
            self._logits = learned_logits(batches, self._start, self._seed)

    def after(self, theta: Vector, number: int) -> tuple[Mask, Mask, Mask]:
        """The three masks of a round, from the weights (P,) at the end of the one before."""
        layout, before, shares = self._layout, self._mask, fractions(self._layout)
        mask = self._mask = pruning.prune_by_layer(theta.abs(), before, layout, shares)
        counts = pruning.kept_counts(mask, layout)
        if self._other == "SNIP":
            other = pruning.keep_globally(self._sensitivity, layout, sum(counts.values()))
        else:
            other = pruning.random_mask(mask, layout, stream(self._seed, "mask", number))
        if self._supermask == "learned":
            return mask, other, pruning.keep_by_layer(self._logits, layout, counts)
        if self._supermask == "same sign":
            scores = pruning.same_sign(self._start, theta)
            return mask, other, pruning.prune_by_layer(scores, before, layout, shares)
        return mask, other, mask


def learned_logits(batches: Iterable[Objective], weights: Vector, seed: int) -> Vector:
    """The logits (P,) of a supermask over fixed weights, after a step on each batch."""
    logits, drawn = torch.zeros_like(weights), stream(seed, "supermask")
    memory = LOGITS.init(logits)
    for part in batches:
        uniform = torch.rand(len(logits), generator=drawn, dtype=logits.dtype)
        logits, memory = LOGITS.step(Supermask(part, weights, uniform), logits, memory)
    return logits


def fractions(layout: Layout) -> dict[str, float]:
    """The fraction of its remaining weights that each layer loses in a round."""
    names = [block.name for block in pruning.prunable(layout)]
    return {**dict.fromkeys(names, FRACTION), names[-1]: LAST_FRACTION}


def weights_left(layout: Layout, rounds: int) -> Array:
    """Percent of the weights that are left before and after each round: (rounds + 1,)."""
    scores, mask = torch.arange(layout.size).float(), pruning.full_mask(layout)
    left = [100.0]
    for _ in range(rounds):
        mask = pruning.prune_by_layer(scores, mask, layout, fractions(layout))
        left.append(round(100 * pruning.kept_fraction(mask, layout), 2))
    return np.array(left)


def mosaic(mask: Mask, layout: Layout) -> Array:
    """The masks of the first hidden units as squares of pixels with gaps (NaN), 53 x 53."""
    units = layout.blocks[0].of(mask)[: TILES**2].reshape(TILES, TILES, SIDE, SIDE)
    padded = np.full((TILES, TILES, SIDE + 1, SIDE + 1), np.nan)
    padded[..., :SIDE, :SIDE] = units.numpy()
    size = TILES * (SIDE + 1)
    return padded.swapaxes(1, 2).reshape(size, size)[:-1, :-1]
