"""How a loss adds up over examples, and whether a network couples them: found out by trying.

Data can be gone through in parts only where the loss of the whole is a weighted sum of those of the
parts. That of a mean weighs parts by their examples, that of a sum weighs all alike, and torch's
cross-entropy with class weights or ignored targets by the weights of the targets that count. A
network couples examples that see each other, as in batch normalization without running statistics
or in attention across the batch; a loss does where it is none of these sums, as contrastive losses.
Of such all data are needed at once.
"""

import warnings
from dataclasses import dataclass
from functools import partial
from typing import Any

from landscape_core.models.gradient_mode import without_gradients
from landscape_core.models.loss_trial import kind_of_few
from landscape_core.models.loss_weights import Kind, is_mean, uneven
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.trial_examples import (
    alike,
    largest,
    near_for,
    sample_of,
    splits_of,
    undisturbed,
)
from landscape_core.models.trial_points import places

PARTIAL = "This is of the loss of {} of {} examples, and no estimate of that of all: {}."

NO_MEAN, COUPLED = "this loss is no mean over examples", "the network couples them"

ONE_DRAW = (
    "This is of the loss of {} of {} examples, for one draw of the random numbers that the network"
    " or the loss draws; whether it is an estimate of that of all cannot be tried."
)


@dataclass(frozen=True)
class Additivity:
    """How the loss adds up over examples, and whether the network couples these.

    Where the network or the loss `draws` random numbers, nobody knows more than that.
    """

    loss: Kind
    coupled: bool
    draws: bool = False

    @property
    def separable(self) -> bool:
        """Whether data can be gone through in parts."""
        return self.loss != "neither" and not self.coupled and not self.draws

    def __str__(self) -> str:
        """In words, as results state it."""
        if self.draws:
            return f"{self.loss}; random numbers are drawn, and this is of one draw"
        return f"{self.loss}; the network couples examples" if self.coupled else self.loss


def additivity(objective: ModelObjective) -> Additivity:
    """How an objective adds up, by random unequal splits of a few examples at two places."""
    with undisturbed(objective):
        few = sample_of(objective)
        loss, random = kind_of_few(few, even=uneven(objective) is None)
        drawn = _draws(few)
        return Additivity(loss, not drawn and _couples(few), drawn or random)


def couples(objective: ModelObjective) -> bool:
    """Whether an example's outputs depend on those that are evaluated with it, by such a trial.

    What draws random numbers gives each example others, and so does that as well.
    """
    with undisturbed(objective):
        few = sample_of(objective)
        return _draws(few) or _couples(few)


def draws_random_numbers(objective: ModelObjective) -> bool:
    """Whether a network draws random numbers, by such a trial."""
    with undisturbed(objective):
        return _draws(sample_of(objective))


def kind_of(objective: ModelObjective) -> Kind:
    """How the loss adds up, whether or not the network couples examples, by such a trial."""
    if is_mean(objective.loss_function):
        return "mean"
    with undisturbed(objective):
        return kind_of_few(sample_of(objective), even=uneven(objective) is None)[0]


def stated(part: ModelObjective, *, of: int) -> dict[str, Any]:
    """What results on some of so many examples state of them and of how their losses add up."""
    found = additivity(part)
    _warn(found, part.examples, of, stacklevel=4)
    told = {"additivity": str(found), "examples": part.examples, "examples_of": of}
    return {**told, "draws": int(found.draws)}


def warn_of_partial(part: ModelObjective, *, of: int) -> None:
    """Warn where some of so many examples say nothing of all of them."""
    if part.examples < of:
        _warn(additivity(part), part.examples, of, stacklevel=4)


def warn_of_unread(part: ModelObjective, *, of: int | None, examples: int | None = None) -> None:
    """Warn where the first examples of a loader, of `of` if that is known, say nothing of all.

    So many `examples` are read; by default as many as the part has.
    """
    known = "an unknown number of" if of is None else of
    _warn(additivity(part), examples or part.examples, known, stacklevel=4)


def _warn(found: Additivity, examples: int, of: int | str, *, stacklevel: int) -> None:
    if examples == of:
        return
    if found.draws:
        warnings.warn(ONE_DRAW.format(examples, of), stacklevel=stacklevel)
    elif found.coupled:
        warnings.warn(PARTIAL.format(examples, of, COUPLED), stacklevel=stacklevel)
    elif found.loss in ("sum", "neither"):
        warnings.warn(PARTIAL.format(examples, of, NO_MEAN), stacklevel=stacklevel)


def _draws(few: ModelObjective) -> bool:
    """Whether the network draws random numbers at one of the places."""
    return any(few.evaluation.draws(theta) for theta in places(few.start))


def _couples(few: ModelObjective) -> bool:
    """Whether outputs change with the company that examples have."""
    if few.normalizes and (few.batch_norm == "batch" or few.updates_statistics):
        return True
    for theta in places(few.start):
        whole = without_gradients(partial(few.outputs, theta))
        if len(whole) % few.examples:
            return True
        rows = whole.reshape(few.examples, -1)
        near = near_for(whole.dtype) * largest(whole)
        for part in (part for split in splits_of(few) for part in split):
            try:
                alone = without_gradients(partial(few.reordered(part).outputs, theta))
            except Exception:  # it cannot do with fewer
                return True
            expected = rows[part]
            if alone.numel() != expected.numel():
                return True
            if not alike(alone.reshape(expected.shape), expected, near):
                return True
    return False
