"""Filters of norm zero, which filter-normalized directions (Li et al., 2018) do not move."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from landscape_core.analysis.findings.base import Finding, OfSlice, Seen
from landscape_core.foundation.errors import SpecError
from landscape_core.models.parameters import Layout, selected


@dataclass(frozen=True, kw_only=True)
class ZeroNormFilters(OfSlice):
    """Filters of norm zero are not moved by directions with filter normalization."""

    label: ClassVar[str] = "zero-norm filters"
    formula: ClassVar[str] = (
        "a filter of norm 0 and random directions with filter normalization; found only if the"
        " model is given, as a slice does not hold the shapes of its tensors"
    )
    remedy: ClassVar[str] = (
        'Take Random(normalization="layer") or "none", or leave layers out that are initialized at'
        " zero (the field layers)."
    )

    def in_slice(self, seen: Seen) -> Finding | None:
        rule = seen.directions
        filters = rule.get("kind") == "random" and rule.get("normalization") == "filter"
        if seen.model is None or not filters:
            return None
        layout = Layout.of_module(seen.model)
        theta = _centre(seen, seen.model, layout)
        blocks = [b for b in selected(layout, str(rule.get("layers", ""))) if b.has_filters]
        norms = {b.name: b.of(theta).flatten(1).double().norm(dim=1) for b in blocks}
        empty = {name: int((norm == 0).sum()) for name, norm in norms.items()}
        count, total = sum(empty.values()), sum(len(norm) for norm in norms.values())
        if not count:
            return None
        names = ", ".join(name for name, some in empty.items() if some)
        return self.finding(
            f"{count} of {total} filters have norm 0 ({names}), so directions with filter"
            " normalization are 0 there, and the picture does not show how the loss depends on"
            " them.",
            zero=count,
            filters=total,
        )


def _centre(seen: Seen, model: nn.Module, layout: Layout) -> Tensor:
    """The parameters (P,) at the centre of the slice; those of the model where it holds none.

    Raises:
        SpecError: the model has another number of parameters than the slice.
    """
    if "plane_origin" in seen.slice_.coords:
        origin = seen.slice_["plane_origin"].values
        if len(origin) != layout.size:
            accepted = f"the network of the slice, with {len(origin)} trainable parameters"
            raise SpecError("model", f"one with {layout.size}", accepted)
        return torch.from_numpy(origin.copy())
    return layout.join(dict(model.named_parameters()))
