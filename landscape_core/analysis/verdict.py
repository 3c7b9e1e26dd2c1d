"""The verdict on a claim from one effect a seed: a criterion, an interval, a word.

The effect of a seed is one number in which the parties of the claim are compared on the same data,
start and batches (a paired effect): a difference, or a ratio. The claim is about its median over
seeds. The interval of the median comes from order statistics (the binomial test of the median:
Conover, Practical Nonparametric Statistics, 1999, section 3.2), which holds for every distribution
and does not become too narrow for few seeds, as the bootstrap of a median does. It needs six seeds
for a confidence of 95 %.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from landscape_core.foundation.errors import FileFormatError, SpecError

PASS, NOT_REPRODUCED, UNDECIDED = "PASS", "NOT REPRODUCED", "UNDECIDED"
"""The words of a verdict: the interval lies on the claim's side of the bound, beyond it, across."""

CONFIDENCE = 0.95
"""The probability with which the interval holds the median of the effect."""

FEWEST = 6
"""Seeds below which no interval of that confidence exists."""

MOST_MORE = 10_000
"""Seeds above which the number of those that would decide is not given."""

EFFECT = "effect"
"""The variable (seed) that holds the effect of each seed; NaN where it could not be had."""

CRITERION = "criterion"
"""The attribute that holds the criterion of a dataset as JSON."""

UNFINISHED = "unfinished"
"""The attribute that names the seeds of a dataset that are not computed yet."""


@dataclass(frozen=True)
class Criterion:
    """What a claim says about the median of an effect, stated before the run that counts.

    Attributes:
        effect: what the number is, in words, for instance "ratio of the final losses".
        side: whether the claim wants the median to be at most or at least the bound.
        bound: the bound itself.
        unit: the unit of the effect; empty where it has none.
    """

    effect: str
    side: Literal["at most", "at least"]
    bound: float
    unit: str = ""

    def __post_init__(self) -> None:
        """Check what was given.

        Raises:
            SpecError: another side, a bound that is not finite, or an effect without a name.
        """
        if self.side not in ("at most", "at least"):
            raise SpecError("Criterion.side", self.side, "'at most' or 'at least'")
        if not math.isfinite(self.bound):
            raise SpecError("Criterion.bound", self.bound, "a finite number")
        if not self.effect.strip():
            raise SpecError("Criterion.effect", self.effect, "words for the effect")

    def holds(self, effect: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether effects lie on the claim's side of the bound; NaN does not."""
        values = np.asarray(effect, float)
        return values <= self.bound if self.side == "at most" else values >= self.bound

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f"median over seeds of the {self.effect}: {self.side} {self.bound:g}{unit}"


@dataclass(frozen=True)
class Verdict:
    """What seeds say about a criterion.

    Attributes:
        word: PASS, NOT REPRODUCED or UNDECIDED.
        criterion: the criterion.
        seeds: how many seeds were asked.
        held: on how many of them the effect lies on the claim's side.
        missing: on how many no effect could be had (a run diverged); they count against the claim.
        median: of the effects; NaN while there are none, and between two infinities.
        low: the lower end of the interval of the median; minus infinity for too few seeds.
        high: the upper end.
        more: how many more seeds would decide, by the present width; 0 if decided, -1 if unknown.
    """

    word: str
    criterion: Criterion
    seeds: int
    held: int
    missing: int
    median: float
    low: float
    high: float
    more: int

    def __str__(self) -> str:
        if not self.seeds:
            return f"{self.word}: no effect yet ({self.criterion})"
        text = f"{self.word}: {self.held} of {self.seeds} seeds; {self.numbers} ({self.criterion})"
        if self.missing:
            text += f"; {self.missing} without an effect"
        if self.more > 0 and self.seeds >= FEWEST:
            text += f"; about {self.more} more seed{'s' * (self.more > 1)} would decide"
        return text

    @property
    def numbers(self) -> str:
        """The median and its interval in words; an infinite end is that of missing effects."""
        if math.isnan(self.median):
            return "no median"
        median = f"median {_number(self.median)}"
        if self.seeds < FEWEST:
            return f"{median}, without an interval: it takes {FEWEST} seeds, {self.more} more"
        if self.low == self.high and math.isinf(self.low):
            return median
        low, high = _number(self.low), _number(self.high)
        if math.isinf(self.low) and math.isinf(self.high):
            return f"{median} [without ends]"
        if math.isinf(self.high):
            return f"{median} [from {low}, without an upper end]"
        if math.isinf(self.low):
            return f"{median} [without a lower end, up to {high}]"
        return f"{median} [{low}, {high}]"

    def plain(self) -> dict[str, Any]:
        """The verdict as plain values."""
        return asdict(self)


def judge(effects: npt.ArrayLike, criterion: Criterion) -> Verdict:
    """The verdict of a criterion on the effects of seeds, (S,).

    A seed without an effect (NaN) counts as one on the other side of the bound, at infinity: what
    diverges does not speak for a claim.

    Raises:
        SpecError: the effects have more than one dimension.
    """
    values = np.asarray(effects, float)
    if values.ndim != 1:
        raise SpecError("effects", f"an array of shape {values.shape}", "one number a seed")
    missing = int(np.isnan(values).sum())
    against = math.inf if criterion.side == "at most" else -math.inf
    ordered = np.sort(np.where(np.isnan(values), against, values))
    seeds = len(ordered)
    low, high = _interval(ordered)
    word = UNDECIDED
    if seeds >= FEWEST and not _across(low, high, criterion):
        word = PASS if bool(criterion.holds(low) and criterion.holds(high)) else NOT_REPRODUCED
    return Verdict(
        word=word,
        criterion=criterion,
        seeds=seeds,
        held=int(criterion.holds(values).sum()),
        missing=missing,
        median=_median(ordered),
        low=low,
        high=high,
        more=0 if word != UNDECIDED else _more(ordered, low, high, criterion),
    )


def verdict(dataset: xr.Dataset) -> Verdict:
    """The verdict on the claim of a lab, from a dataset that `labs.run` has computed.

    Raises:
        SpecError: it is no dataset.
        FileFormatError: the dataset is not one of a lab, or not all of its seeds are computed.
    """
    if not isinstance(dataset, xr.Dataset):
        raise SpecError("dataset", dataset, "the dataset that `labs.run` has computed")
    if EFFECT not in dataset or dataset[EFFECT].dims != ("seed",) or CRITERION not in dataset.attrs:
        raise FileFormatError(
            f"a verdict needs the variable {EFFECT!r} (seed) and the attribute {CRITERION!r} of a"
            f" lab; this dataset has the variables {', '.join(map(str, dataset)) or 'none'}."
        )
    try:
        criterion = Criterion(**json.loads(dataset.attrs[CRITERION]))
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"the attribute {CRITERION!r} is no criterion: {error}") from error
    effects, seeds = dataset[EFFECT].values, dataset["seed"].values
    left = int(np.isin(seeds, dataset.attrs.get(UNFINISHED, [])).sum())
    if left:
        raise FileFormatError(
            f"a verdict needs every seed; {left} of {len(seeds)} are not computed yet. Finish them"
            " with `labs.run`, or select others with `.sel(seed=...)`."
        )
    if effects.dtype.kind not in "fiu":
        raise FileFormatError(f"the effects of a lab are numbers; these are {effects.dtype}.")
    return judge(effects, criterion)


def carried(criterion: Criterion) -> Mapping[str, str]:
    """The attribute by which a dataset carries its criterion."""
    return {CRITERION: json.dumps(asdict(criterion))}


def _interval(ordered: npt.NDArray[np.float64]) -> tuple[float, float]:
    """The interval of the median between two order statistics."""
    from scipy.stats import quantile_test  # takes a second to import

    if len(ordered) < FEWEST:
        return -math.inf, math.inf
    found: Any = quantile_test(ordered, p=0.5).confidence_interval(CONFIDENCE)
    return float(found.low), float(found.high)


def _number(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else f"{'−' * (value < 0)}∞"


def _across(low: float, high: float, criterion: Criterion) -> bool:
    return bool(criterion.holds(low)) != bool(criterion.holds(high))


def _median(ordered: npt.NDArray[np.float64]) -> float:
    """The median; infinite where half of the effects are missing."""
    if not len(ordered):
        return math.nan
    lower, upper = ordered[(len(ordered) - 1) // 2].item(), ordered[len(ordered) // 2].item()
    return lower if lower == upper else (lower + upper) / 2


def _more(ordered: npt.NDArray[np.float64], low: float, high: float, criterion: Criterion) -> int:
    """How many more seeds would decide, if the interval shrinks with the root of their number."""
    seeds = len(ordered)
    if seeds < FEWEST:
        return FEWEST - seeds
    median = _median(ordered)
    above = bool(criterion.holds(median)) == (criterion.side == "at most")
    reach = high - median if above else median - low  # of the end beyond the bound
    distance = abs(median - criterion.bound)
    if not (math.isfinite(reach) and distance > 0):
        return -1
    more = math.ceil(seeds * (reach / distance) ** 2) - seeds
    return max(1, more) if more <= MOST_MORE else -1
