"""Masks over parameters: which weights of a network are kept, by magnitude or by another score.

Iterative magnitude pruning and rewinding to the initialization are those of Frankle and Carbin,
2019, The Lottery Ticket Hypothesis, arXiv:1803.03635; rewinding to an early step is that of Frankle
et al., 2019, arXiv:1903.01611. The connection sensitivity is that of SNIP: Lee, Ajanthan and Torr,
2019, arXiv:1810.02340, equations 4 to 6; scores by the sign are those of Zhou et al., 2019,
Deconstructing Lottery Tickets, arXiv:1905.01067.

A mask (P,) is true where a parameter is kept. Only weights of linear and convolutional layers are
pruned, as in these papers; biases and gains of normalization layers are always kept.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Bool
from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Block, Layout

Mask = Bool[Tensor, " P"]


def prunable(layout: Layout) -> tuple[Block, ...]:
    """The tensors that are pruned: weights of linear and convolutional layers."""
    return tuple(block for block in layout.blocks if block.has_filters)


def full_mask(layout: Layout) -> Mask:
    """The mask that keeps all parameters."""
    return torch.ones(layout.size, dtype=torch.bool)


def kept_counts(mask: Mask, layout: Layout) -> dict[str, int]:
    """How many weights of each tensor that is pruned a mask keeps, by its name."""
    return {block.name: int(block.of(mask).sum()) for block in prunable(layout)}


def kept_fraction(mask: Mask, layout: Layout) -> float:
    """The fraction of prunable weights that a mask keeps; biases do not count."""
    total = sum(block.stop - block.start for block in prunable(layout))
    return sum(kept_counts(mask, layout).values()) / total


def keep_by_layer(scores: Vector, layout: Layout, counts: Mapping[str, int]) -> Mask:
    """The mask that keeps the weights of highest score of each tensor, by its count.

    Of equal scores the first one counts as higher. Tensors without a count are kept whole.

    Raises:
        SpecError: a score that is NaN, a tensor that is not pruned, or a count beyond its size.
    """
    check_scores(scores, layout)
    sizes = {block.name: block.stop - block.start for block in prunable(layout)}
    for name, count in counts.items():
        if name not in sizes:
            raise SpecError("a pruned tensor", name, "one of " + ", ".join(sizes))
        if not 0 <= count <= sizes[name]:
            raise SpecError(f"the count of {name}", count, f"between 0 and {sizes[name]}")
    mask = full_mask(layout).to(scores.device)
    for block in prunable(layout):
        if block.name in counts:
            part = scores[block.start : block.stop]
            mask[block.start : block.stop] = _highest(part, counts[block.name])
    return mask


def keep_globally(scores: Vector, layout: Layout, count: int) -> Mask:
    """The mask that keeps the weights of highest score, those of all layers compared.

    Raises:
        SpecError: a score that is NaN, or a count beyond the number of weights.
    """
    check_scores(scores, layout)
    places = torch.cat([torch.arange(block.start, block.stop) for block in prunable(layout)])
    if not 0 <= count <= len(places):
        raise SpecError("the count of weights", count, f"between 0 and {len(places)}")
    mask, places = full_mask(layout).to(scores.device), places.to(scores.device)
    mask[places] = _highest(scores[places], count)
    return mask


def prune_by_layer(
    scores: Vector, mask: Mask, layout: Layout, fractions: float | Mapping[str, float]
) -> Mask:
    """Remove the weights of lowest score in each tensor, a fraction of those that a mask keeps.

    Fractions may be given by the names of tensors; others are left as they are. The number removed
    is rounded to the nearest, of two equally near ones to the even one.

    Raises:
        SpecError: a fraction outside [0, 1], no such tensor, or a score that is NaN.
    """
    counts = kept_counts(mask, layout)
    by_name = fractions if isinstance(fractions, Mapping) else dict.fromkeys(counts, fractions)
    for name in by_name:
        if name not in counts:
            raise SpecError("a pruned tensor", name, "one of " + ", ".join(counts))
    left = {name: n - _removed(by_name.get(name, 0.0), n) for name, n in counts.items()}
    return keep_by_layer(_among(scores, mask, layout), layout, left)


def prune_globally(scores: Vector, mask: Mask, layout: Layout, fraction: float) -> Mask:
    """Remove the weights of lowest score, a fraction of those that a mask keeps in all layers.

    Raises:
        SpecError: a fraction outside [0, 1], or a score that is NaN.
    """
    count = sum(kept_counts(mask, layout).values())
    left = count - _removed(fraction, count)
    return keep_globally(_among(scores, mask, layout), layout, left)


def random_mask(mask: Mask, layout: Layout, rng: torch.Generator) -> Mask:
    """A uniformly random mask that keeps as many weights of each tensor as another mask."""
    scores = torch.rand(layout.size, generator=rng, dtype=torch.float64).to(mask.device)
    return keep_by_layer(scores, layout, kept_counts(mask, layout))


def rewound(early: Vector, mask: Mask) -> Vector:
    """The parameters of an early state with pruned weights at zero: m ⊙ θ_k, shape (P,)."""
    return torch.where(mask, early, torch.zeros_like(early))


def same_sign(start: Vector, end: Vector) -> Vector:
    """The magnitude at the end of weights that have the sign of their start, else 0, shape (P,).

    Zhou et al. call it large_final_same_sign, and subtract more from other signs: max(0, w_i w_f /
    |w_i|) keeps the same weights wherever enough have their sign.
    """
    return (end * start.sign()).clamp(min=0)


def connection_sensitivity(objective: Objective, theta: Vector) -> Vector:
    """SNIP's score |θ ⊙ g| / Σ |θ ⊙ g| of each prunable weight at theta, 0 of others, shape (P,).

    θ ⊙ g is the gradient in a factor on each weight where all factors are 1.
    """
    effects = (theta * objective.gradient(theta)).abs()
    scores = torch.zeros_like(effects)
    for block in prunable(objective.layout):
        scores[block.start : block.stop] = effects[block.start : block.stop]
    return scores / scores.sum().clamp(min=torch.finfo(scores.dtype).tiny)


def check_scores(scores: Vector, layout: Layout) -> None:
    """Refuse scores by which weights cannot be ordered.

    Raises:
        SpecError: another number of scores than parameters, or one that is NaN.
    """
    if len(scores) != layout.size:
        raise SpecError("the number of scores", len(scores), f"{layout.size}, one a parameter")
    if bool(scores.isnan().any()):
        raise SpecError("the scores", "NaN", "numbers that can be ordered")


def _highest(scores: Tensor, count: int) -> Tensor:
    """Where the `count` highest of scores (n,) are: (n,)."""
    kept = torch.zeros(len(scores), dtype=torch.bool, device=scores.device)
    kept[scores.argsort(descending=True, stable=True)[:count]] = True
    return kept


def _among(scores: Vector, mask: Mask, layout: Layout) -> Vector:
    """The scores, below all others where a weight is pruned already."""
    check_scores(scores, layout)
    return torch.where(mask, scores, torch.full_like(scores, -torch.inf))


def _removed(fraction: float, count: int) -> int:
    if not 0 <= fraction <= 1:
        raise SpecError("the fraction to prune", fraction, "between 0 and 1")
    return round(fraction * count)
