"""Inputs and targets of a table: which columns, classes or numbers, and what is refused."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from landscape_core.foundation.errors import FileFormatError, SpecError
from landscape_core.storage.data_tables import Column, DataTable

AUTOMATIC, CLASSIFICATION, REGRESSION = "automatic", "classification", "regression"

FEW = 20
"""Different whole numbers up to which a target is taken for classes."""

MOST_CLASSES = 100

LARGEST_WHOLE = 2**53
"""Whole numbers up to which each differs from its neighbours in double precision."""

AS_A_NUMBER = re.compile(r"[\W_]{0,2}\d[\d.,_' ]*([eEdD][+-]?\d+)?[\W_]{0,2}")
"""What may be meant as a number: a decimal comma, groups of thousands, a sign, unit or currency."""

RULE = (
    f"text, true and false, or at most {FEW} different whole numbers are classes; other numbers"
    " are a regression"
)
"""How a task is found, in words."""

PART_OF_ARRAY = re.compile(r"\[\d+\]$")

DIGITS = re.compile(r"[+-]?\d+")


@dataclass(frozen=True)
class Examples:
    """Features (rows, D), targets (rows,), and the names of the classes; None of a regression."""

    features: npt.NDArray[np.float64]
    targets: npt.NDArray[Any]
    classes: tuple[str, ...] | None


def names_of(text: str) -> list[str]:
    """The names in a list that is separated by commas; quotes as in CSV where one has a comma."""
    row = next(csv.reader(io.StringIO(text), skipinitialspace=True), [])
    return [name.strip() for name in row if name.strip()]


def list_of(names: Sequence[str]) -> str:
    """The text that `names_of` reads as these names."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(names)
    return out.getvalue()


def target_column(table: DataTable, target: str) -> Column:
    """The column to predict; the last one where none is named.

    Raises:
        SpecError: there is no column of that name.
    """
    return table.columns[_known(table, "target", target or [*table.columns][-1])]


def feature_columns(table: DataTable, target: str, features: str) -> list[Column]:
    """The columns that are inputs; all others than the target where none are named.

    Raises:
        SpecError: there is no such column, it is the target, named twice, or holds text.
    """
    predicted = target_column(table, target).name
    asked = names_of(features) or [name for name in table.columns if name != predicted]
    columns = [table.columns[_known(table, "features", name)] for name in asked]
    if predicted in asked:
        raise SpecError("Table.features", predicted, "other columns than the target")
    if len({*asked}) < len(asked):
        twice = next(name for name in asked if asked.count(name) > 1)
        raise SpecError("Table.features", twice, "named once each")
    text = [column.name for column in columns if not column.numeric]
    if text:
        numeric = [c.name for c in table.columns.values() if c.numeric and c.name != predicted]
        accepted = f"columns of numbers, of which there are: {list_of(numeric) or 'none'}"
        raise SpecError("Table.features", list_of(text), accepted)
    return columns


def task_of(column: Column) -> str:
    """Whether a target is taken for classes or numbers, by the rule `RULE`."""
    if not column.numeric or column.logical:
        return CLASSIFICATION
    values = column.values[~np.isnan(column.values)]
    different = np.unique(values)
    whole = len(different) <= FEW and bool((different == np.round(different)).all())
    return CLASSIFICATION if whole else REGRESSION


def examples(table: DataTable, target: str, features: str, task: str) -> Examples:
    """The chosen columns as features and targets.

    Raises:
        SpecError: a column that is not there or holds text, a task that does not fit, automatic for
            text that may be meant as numbers, or no names where the last array is a matrix.
        FileFormatError: rows with missing values in the chosen columns, too many classes, one
            class alone, or formulas.
    """
    if not (target or features):
        _check_last(table)
    answer, inputs = target_column(table, target), feature_columns(table, target, features)
    _check_complete(table, [*inputs, answer])
    features_of = np.column_stack([column.values for column in inputs])
    if task == AUTOMATIC:
        _check_clear(answer)
        task = task_of(answer)
    if task == REGRESSION:
        if not answer.numeric:
            raise SpecError("Table.task", task, f"classification, as {answer.name} holds text")
        return Examples(features_of, answer.values, None)
    if not answer.numeric and any(str(one).startswith("=") for one in answer.values):
        raise FileFormatError(
            f"Column {answer.name} holds formulas, which are not evaluated: save their values."
        )
    if answer.numeric and np.abs(answer.values).max() >= LARGEST_WHOLE:
        raise FileFormatError(
            f"Column {answer.name} has numbers of 16 digits and more, which double precision does"
            " not distinguish: save classes as text, or as smaller numbers."
        )
    classes, targets = np.unique(answer.values, return_inverse=True)
    if not 2 <= len(classes) <= MOST_CLASSES:
        raise FileFormatError(
            f"Column {answer.name} has {len(classes)} different values, and a classification takes"
            f" 2 to {MOST_CLASSES} classes: choose another target, or the task regression."
        )
    return Examples(features_of, targets, tuple(map(_class_name, classes)))


def _check_last(table: DataTable) -> None:
    """Refuse to predict one column of a matrix, as of classes in one-hot form, by the others."""
    arrays = [PART_OF_ARRAY.sub("", name) for name in table.columns]
    if len({*arrays}) > 1 and arrays.count(arrays[-1]) > 1:
        accepted = f"named, and features, too: the last array {arrays[-1]} has several columns"
        raise SpecError("Table.target", [*table.columns][-1], accepted)


def _check_clear(answer: Column) -> None:
    """Refuse to guess the task where most of the text in a target may be meant as numbers."""
    if answer.numeric:
        return
    numbers = [one for one in answer.values if AS_A_NUMBER.fullmatch(one)]
    known = [one for one in answer.values if DIGITS.fullmatch(one)]  # saved as text on purpose
    if 2 * len(numbers) > len(answer.values) > len(known):
        accepted = (
            f"classification, if texts as {numbers[0]!r} in column {answer.name} are classes;"
            " numbers are written with a decimal point and nothing else in all rows"
        )
        raise SpecError("Table.task", AUTOMATIC, accepted)


def _check_complete(table: DataTable, columns: Sequence[Column]) -> None:
    """Refuse rows with missing values, and say how many there are and in which columns."""
    lacking = [column for column in columns if column.missing]
    if not lacking:
        return
    rows = np.zeros(table.rows, dtype=bool)
    for column in lacking:
        rows |= np.isnan(column.values) if column.numeric else column.values == ""
    named = ", ".join(f"{column.name} ({column.missing})" for column in lacking[:5])
    more = f" and {len(lacking) - 5} more columns" if len(lacking) > 5 else ""
    raise FileFormatError(
        f"{int(rows.sum())} of {table.rows} rows have no finite value in {named}{more}; the first"
        f" is row {int(rows.argmax()) + 1} of the data. Remove these rows, or choose other columns."
    )


def _known(table: DataTable, field: str, name: str) -> str:
    if name not in table.columns:
        known = list_of([*table.columns][:20]) + (", …" if len(table.columns) > 20 else "")
        raise SpecError(f"Table.{field}", name, f"in the table, whose columns are {known}")
    return name


def _class_name(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
