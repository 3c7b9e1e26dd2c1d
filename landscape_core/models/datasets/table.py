"""Your own table of examples: rows of a CSV, NPZ or Parquet file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import FileFormatError, MissingDataError
from landscape_core.foundation.recipes import Choice, ColumnName, ColumnNames, Knob, TableFile
from landscape_core.models.datasets.base import Data, DataSize, ProblemData, Split
from landscape_core.models.table_columns import (
    AUTOMATIC,
    CLASSIFICATION,
    REGRESSION,
    RULE,
    Examples,
    examples,
)
from landscape_core.storage.bounded_files import check_regular
from landscape_core.storage.data_tables import DataTable, read_table
from landscape_core.storage.held_tables import held_table, is_name

FEWEST = 4
"""Rows of a table."""

ROUNDING = 1e-12
"""Standard deviation of a column that is constant but for rounding, relative to its values."""


@dataclass(frozen=True, kw_only=True)
class Table(ProblemData):
    """Your own table: a CSV, NPZ or Parquet file, of which you choose the columns.

    Every feature, and the target of a regression, is standardized with the mean and standard
    deviation of the training rows; a constant feature becomes zero.
    """

    label: ClassVar[str] = "your own table"

    place: ClassVar[str] = "path"

    path: Annotated[str, TableFile("CSV, NPZ or Parquet file with a row for each example")] = ""
    target: Annotated[str, ColumnName("column to predict; empty: the last one")] = ""
    features: Annotated[
        str, ColumnNames("input columns, separated by commas; empty: all but the target")
    ] = ""
    task: Annotated[
        str, Choice((AUTOMATIC, CLASSIFICATION, REGRESSION), f"kind of target; automatic: {RULE}")
    ] = AUTOMATIC
    test_fraction: Annotated[float, Knob(0.05, 0.9, "fraction of the rows used for testing")] = 0.2
    limit: Annotated[
        int, Knob(2, 1_000_000, "maximum number of training rows used", scale="log")
    ] = 10_000

    def build(self, seed: int) -> Split:
        found = self._examples()
        rng = random_streams.numpy_stream(seed, "data")
        order = rng.permutation(len(found.targets))
        tests = min(max(round(self.test_fraction * len(order)), 1), len(order) - 2)
        train, test = order[tests:][: self.limit], order[:tests][: self.limit]
        inputs = _standardized(found.features, train)
        targets = found.targets if found.classes else _standardized(found.targets[:, None], train)
        classes = len(found.classes) if found.classes else None
        parts = [
            Data(torch.from_numpy(inputs[rows]), torch.from_numpy(targets[rows]))
            for rows in (train, test)
        ]
        return Split(parts[0], parts[1], classes)

    def files(self) -> dict[str, Path]:
        return {"table": self._found()}

    def estimated_size(self) -> DataSize:
        found = self._examples()
        rows, columns = found.features.shape
        wide = torch.zeros(1, columns, dtype=torch.float64)
        one = torch.zeros(1).long() if found.classes else torch.zeros(1, 1, dtype=torch.float64)
        classes = len(found.classes) if found.classes else None
        tests = min(max(round(self.test_fraction * rows), 1), rows - 2)
        training = min(self.limit, rows - tests)
        held = training + min(self.limit, tests)
        sample = Data(wide, one)
        return DataSize(Split(sample, sample, classes), training, held * (columns + 1) * 8)

    def table(self) -> DataTable:
        """All columns of the file.

        Raises:
            MissingDataError: no file is named, it is not there, or an upload is no longer held.
            FileFormatError: it is no table, or too large.
        """
        return read_table(self._found())

    def _found(self) -> Path:
        if not self.path:
            raise MissingDataError(
                "Your own table: no file is named. Upload or paste one in the app, or name it in"
                " Table(path=...) or --set problem.dataset.path=..."
            )
        path = held_table(self.path) if is_name(self.path) else Path(self.path)
        check_regular(path)
        return path

    def _examples(self) -> Examples:
        found = examples(self.table(), self.target, self.features, self.task)
        if len(found.targets) < FEWEST:
            raise FileFormatError(
                f"The table has {len(found.targets)} rows; at least {FEWEST} are needed."
            )
        return found


def _standardized(
    values: npt.NDArray[np.float64], train: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """The values (rows, D) less the mean of the training rows, by their standard deviation."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean, deviation = values[train].mean(0), values[train].std(0)
        varies = deviation > ROUNDING * np.abs(values[train]).max(0)
        scaled = np.where(varies, values - mean, 0.0) / np.where(varies, deviation, 1.0)
    if not np.isfinite(scaled).all():
        raise FileFormatError("The table has numbers that are too large to be standardized.")
    return scaled
