"""What commands share: words of their help, progress, tables of text."""

from collections.abc import Iterator, Sequence

import xarray as xr
from tqdm import tqdm

from landscape_core.experiments.progress import Progress
from landscape_core.foundation.errors import LandscapeError

WRITTEN = "trajectory file written by `landscape train`"
NEAREST = "step of the iterate (nearest recorded one); -1: the last"


def shown(work: Iterator[Progress], title: str, unit: str) -> xr.Dataset:
    """The finished work, with a progress bar if it takes longer than a second."""
    dataset = None
    with tqdm(desc=title, unit=unit, delay=1, leave=False) as bar:
        for progress in work:
            bar.total = progress.total
            bar.update(progress.done - bar.n)
            dataset = progress.dataset
    if dataset is None:
        raise LandscapeError(f"{title} ended without a result")
    return dataset


def aligned(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows as lines whose columns begin below each other; sizes end below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(
            cell.rjust(width) if cell.endswith("MB") else cell.ljust(width)
            for cell, width in zip(row, widths, strict=True)
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)
