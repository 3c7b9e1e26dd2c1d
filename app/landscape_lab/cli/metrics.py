"""Describe the shape of a slice in numbers: metrics, minima, distance from another slice."""

import argparse
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr

LISTED = 10
"""Minima that are listed, at most: the most persistent."""


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from landscape_core.analysis.slice_metrics import SCALES
    from landscape_lab.cli._options import first_index_option

    parser.add_argument(
        "slice", type=Path, help="slice file written by `landscape slice`, or a surface (.h5)"
    )
    parser.add_argument(
        "other",
        type=Path,
        nargs="?",
        help="another slice: the bottleneck distance of the persistence barcodes (needs gudhi)",
    )
    parser.add_argument("--scale", choices=SCALES, default="linear", help="scale of the loss axis")
    first_index_option(parser)


def run(asked: argparse.Namespace) -> Iterator[str]:
    """Print the metrics of a slice, its minima, and how far another is from it."""
    from landscape_core.analysis.slice_metrics import slice_metrics
    from landscape_lab.cli._options import aligned
    from landscape_lab.cli._slice_files import slices
    from landscape_lab.figures.reliability import computed, unreached

    slice_, *others = slices(filter(None, (asked.slice, asked.other)), asked.first_index)
    distances = list(_distances(slice_, others[0], asked.scale)) if others else []
    splits = [str(split) for split in slice_["split"].values]
    tables = [slice_metrics(slice_, split, asked.scale) for split in splits]
    rows = [("metric", *splits, "unit", "meaning")]
    for name, column in tables[0].items():
        values = (f"{float(table[name]):.4g}" for table in tables)
        rows.append((str(name), *values, column.attrs["unit"], column.attrs["long_name"]))
    yield aligned(rows)
    if {"estimated_error", "not_computed"} & slice_.attrs.keys():
        yield from filter(None, (computed(slice_), unreached(slice_)))
    for split in splits:
        yield from _minima(slice_, split)
    yield from distances


def _minima(slice_: "xr.Dataset", split: str) -> Iterator[str]:
    """How many minima one split has, and the most persistent of those that are significant."""
    from landscape_core.analysis.persistence import persistence
    from landscape_lab.cli._options import aligned
    from landscape_lab.figures.topology import summary

    found = persistence(slice_, split)
    yield f"\n{split}: " + "; ".join(summary(found, most=found.sizes["bar"]))
    order = (-found["persistence"]).argsort().values
    kept = found.isel(bar=order).isel(bar=found["significant"].values[order])
    sides = [str(dim) for dim in slice_["computed"].dims[::-1]]
    rows = [("minimum", *sides, "loss", "loss at the saddle", "persistence", "basin")]
    for number in range(min(LISTED, kept.sizes["bar"])):
        bar = {name: float(kept[name][number]) for name in kept.data_vars}
        ends = (bar["birth"], bar["death"], bar["persistence"])
        rows.append(
            (
                str(number + 1),
                *(f"{bar[f'birth_{side}']:.4g}" for side in sides),
                *(f"{end:.4g}" if math.isfinite(end) else "none" for end in ends),
                f"{100 * bar['basin']:.3g} %",
            )
        )
    if len(rows) > 1:
        yield aligned(rows)
    if kept.sizes["bar"] > LISTED:
        yield f"and {kept.sizes['bar'] - LISTED} more"


def _distances(slice_: "xr.Dataset", other: "xr.Dataset", scale: str) -> Iterator[str]:
    """The bottleneck distance from the other slice, for each split that both have."""
    from landscape_core.analysis.bottleneck import bottleneck_distance
    from landscape_core.analysis.slice_metrics import SCALES
    from landscape_core.foundation.errors import SpecError

    there = other["split"].values.tolist()
    splits = [str(split) for split in slice_["split"].values if split in there]
    if not splits:
        accepted = "a slice with one of the splits " + ", ".join(map(str, slice_["split"].values))
        raise SpecError("other", ", ".join(map(str, there)), accepted)
    yield ""
    for split in splits:
        found = bottleneck_distance(slice_, other, split, scale=scale)
        yield f"bottleneck distance ({split}): {found:.4g} {SCALES[scale]}"
