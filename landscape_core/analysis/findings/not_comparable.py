"""Slices that are compared although they were computed in different ways."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from landscape_core.analysis.findings.base import Detector, Finding, Seen, recipe

EVALUATION = ("dtype", "batch_norm", "draws", "seed", "tf32", "examples")
"""Attributes that say how the loss was evaluated, and on how many examples."""

FIXED = ("random", "hessian", "gradient", "update", "given")
"""Directions whose extent is chosen; a path determines that of the others."""

REMARKS = ("seed", "data seed", "resolution")
"""What may differ between slices that show the same thing: a note where nothing else does."""


@dataclass(frozen=True, kw_only=True)
class NotComparable(Detector):
    """Several slices differ in the directions, the extent, the data or the evaluation."""

    label: ClassVar[str] = "not comparable"
    formula: ClassVar[str] = (
        "the slices differ in a field of the directions, the extent of chosen directions, the"
        " data, the number of examples, dtype, batch_norm, draws, tf32 or seed"
    )
    remedy: ClassVar[str] = (
        "Compute all slices with the same settings, on the same data and with one extent"
        " (common_span chooses it), and draw them with one colour scale."
    )

    def detect(self, slices: Sequence[Sequence[Seen]]) -> Iterator[Finding]:
        told = [_fields(parts) for parts in slices]
        names = dict.fromkeys(name for one in told for name in one)
        values = {name: [str(one.get(name, "not stated")) for one in told] for name in names}
        differing = {name: found for name, found in values.items() if len(set(found)) > 1}
        if not differing:
            return
        parts = (f"{name} ({', '.join(dict.fromkeys(found))})" for name, found in differing.items())
        found = self.finding(f"The slices differ in {'; '.join(parts)}.", fields=len(differing))
        remark = all(name in REMARKS for name in differing)
        yield replace(found, level="note") if remark else found


def _fields(parts: Sequence[Seen]) -> dict[str, Any]:
    """What a slice says of how it was computed, by the name that the sentence gives it."""
    seen = parts[0]
    attrs, run = seen.slice_.attrs, recipe(seen.slice_.attrs, "run")
    rule = dict(seen.directions) or {"kind": attrs.get("directions", "not stated")}
    found: dict[str, Any] = {
        "directions" if name == "kind" else f"directions.{name}": value
        for name, value in rule.items()
    }
    found |= {name: attrs[name] for name in EVALUATION if name in attrs}
    found["parts of the data"] = [one.split for one in parts]
    found["axes"] = len(seen.sides)
    problem = run.get("problem")
    if isinstance(problem, Mapping):
        found["data"] = problem.get("dataset", "not stated")
        found["loss"] = problem.get("loss", "not stated")
        own = problem.get("data_seed", -1)
        found["data seed"] = run.get("seed") if own == -1 else own
    found["resolution"] = " × ".join(map(str, seen.loss.shape))
    if rule.get("kind") in FIXED:
        ends = [seen.slice_[side].values[[0, -1]] for side in seen.sides[::-1]]
        found["span"] = " × ".join(f"{low:g} to {high:g}" for low, high in ends)
    return found
