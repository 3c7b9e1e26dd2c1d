"""Reasons why the picture of a slice may mislead, each with what helps: "is my plot right?"."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import xarray as xr
from torch import nn

from landscape_core.analysis.findings.base import Detector, Finding, Seen
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.registry import entries
from landscape_core.storage import schema
from landscape_core.storage.tables import whole

NOTHING = "No findings."
"""What an empty result says."""


@dataclass(frozen=True, repr=False)
class Findings(Sequence[Finding]):
    """Findings in order of severity, shown as a list; empty, and false, if nothing was found."""

    items: tuple[Finding, ...] = ()

    @overload
    def __getitem__(self, at: int) -> Finding: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Finding, ...]: ...
    def __getitem__(self, at: int | slice) -> Finding | tuple[Finding, ...]:
        """The finding at a position, or those of a slice of positions."""
        return self.items[at]

    def __len__(self) -> int:
        return len(self.items)

    def names(self) -> tuple[str, ...]:
        """The names of the findings."""
        return tuple(one.name for one in self.items)

    def __str__(self) -> str:
        """One finding a line."""
        return "\n".join(map(str, self.items)) or NOTHING

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        """A table for notebooks."""
        if not self.items:
            return f"<p>{NOTHING}</p>"
        head = "".join(f"<th>{title}</th>" for title in ("level", "finding", "what", "remedy"))
        rows = "".join(f"<tr>{_cells(one)}</tr>" for one in self.items)
        return f"<table><tr>{head}</tr>{rows}</table>"


@public_call
def explain(
    dataset: xr.Dataset | Sequence[xr.Dataset] | Mapping[str, xr.Dataset],
    model: nn.Module | None = None,
) -> Findings:
    """Look for reasons why the picture of a slice may mislead; empty if there are none.

    Every finding has a `name`, a `level` (`warning` or `note`), a `sentence` with the `figures` it
    rests on, and a `remedy`. Detectors read the slice's values and attributes, and compute nothing
    of the network; only computed points count, not interpolated ones. An empty result says that
    none of the known reasons was found, not that the picture is right.

    Args:
        dataset: a slice, as `landscape` returns it, or one part of its data, as
            `slice_.sel(split="train")`, or several that are compared, in a list or by name.
        model: the network of the slices; then filters of norm zero are found as well.

    Raises:
        SpecError: no slices, or a model of another number of parameters.
        FileFormatError: a dataset is no slice.
    """
    if model is not None and not isinstance(model, nn.Module):
        raise SpecError("model", type(model).__name__, "a torch.nn.Module, or None")
    slices = [
        [Seen(one, str(split), name, model) for split in one[schema.SPLIT].values]
        for name, one in ((name, whole(given)) for name, given in _named(dataset).items())
    ]
    known = entries(Detector)
    with np.errstate(over="ignore", invalid="ignore"):  # of losses near the largest number
        found = [one for name in known for one in known[name]().detect(slices)]
    return Findings(tuple(sorted(found, key=lambda one: one.level != "warning")))


def _named(dataset: object) -> Mapping[str, xr.Dataset]:
    """The slices by the names that findings call them; that of a single one is empty.

    Raises:
        SpecError: there is none, or something is no dataset.
    """
    accepted = "a Dataset as landscape returns it, or several in a list or by name"
    if isinstance(dataset, xr.Dataset):
        return {"": dataset}
    if isinstance(dataset, Mapping):
        named = {str(name): one for name, one in dataset.items()}
    elif isinstance(dataset, Sequence) and not isinstance(dataset, str):
        named = {f"slice {number}": one for number, one in enumerate(dataset, 1)}
    else:
        raise SpecError("dataset", type(dataset).__name__, accepted)
    wrong = [type(one).__name__ for one in named.values() if not isinstance(one, xr.Dataset)]
    if wrong or not named:
        raise SpecError("dataset", ", ".join(wrong) or "no slice", accepted)
    return named if len(named) > 1 else {"": next(iter(named.values()))}


def _cells(one: Finding) -> str:
    """The cells of a finding in HTML."""
    name = f"{one.name} ({one.where})" if one.where else one.name
    cells = (one.level, name, one.sentence, one.remedy)
    return "".join(f'<td style="text-align: left">{html.escape(cell)}</td>' for cell in cells)
