"""Tell the shape of a slice in numbers: minima, convex share, roughness and others."""

import argparse
from collections.abc import Iterator
from pathlib import Path


def options(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    from landscape_core.analysis.slice_metrics import SCALES

    parser.add_argument("slice", type=Path, help="what `landscape slice` wrote")
    parser.add_argument("--scale", choices=SCALES, default="linear", help="of the heights")


def run(asked: argparse.Namespace) -> Iterator[str]:
    """Do it, and tell what was found."""
    from landscape_core.analysis.slice_metrics import slice_metrics
    from landscape_core.storage import netcdf, schema
    from landscape_lab.cli._options import aligned
    from landscape_lab.figures.reliability import computed, unreached

    slice_ = netcdf.load(asked.slice)
    schema.check(slice_)
    splits = [str(split) for split in slice_["split"].values]
    tables = [slice_metrics(slice_, split, asked.scale) for split in splits]
    rows = [("metric", *splits, "unit", "meaning")]
    for name, column in tables[0].items():
        values = (f"{float(table[name]):.4g}" for table in tables)
        rows.append((str(name), *values, column.attrs["unit"], column.attrs["long_name"]))
    yield aligned(rows)
    if "estimated_error" in slice_.attrs:
        yield from filter(None, (computed(slice_), unreached(slice_)))
