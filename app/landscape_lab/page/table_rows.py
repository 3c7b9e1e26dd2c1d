"""The rows of the form for your own table: its file, and columns that are chosen among its own."""

from collections.abc import Callable
from typing import Any

from landscape_core.foundation.errors import LandscapeError
from landscape_core.foundation.recipes import ColumnName, ColumnNames, TableFile, fields_of
from landscape_core.models.datasets.table import Table
from landscape_core.models.table_columns import feature_columns
from landscape_core.storage.data_tables import DataTable
from landscape_lab.state import form_model
from landscape_lab.state.scene import Scene


def row_of_table(
    scene: Scene, entry: form_model.Entry, called: Callable[[str], str]
) -> dict[str, Any] | None:
    """A row for a field of a table in the words of the `Form` component; None for other fields.

    The file and the features open the dialog of the table; without its file they are as they were.
    """
    mark = entry.field.mark
    if not isinstance(mark, TableFile | ColumnName | ColumnNames):
        return None
    path = entry.path.rpartition(".")[0]
    data = form_model.value_at(scene, path)
    row = {
        "path": entry.path, "label": entry.field.label, "help": entry.field.help,
        "value": entry.value, "kind": "file",
    }  # fmt: skip
    if isinstance(mark, TableFile):
        return {**row, "label": "file", "shown": called(entry.value) or "Choose a file…"}
    table = _table_of(data)
    if table is None:
        return {**row, "kind": "text"}
    if isinstance(mark, ColumnName):
        options = [{"value": name, "label": name, "help": ""} for name in table.columns]
        chosen = entry.value or [*table.columns][-1]
        return {**row, "kind": "choice", "options": options, "value": chosen}
    file = next(one.name for one in fields_of(type(data)) if isinstance(one.mark, TableFile))
    return {**row, "shown": _features(table, data), "opens": f"{path}.{file}"}


def _table_of(data: Table) -> DataTable | None:
    try:
        return data.table()
    except LandscapeError:  # said where the data are needed
        return None


def _features(table: DataTable, data: Table) -> str:
    try:
        count = len(feature_columns(table, data.target, data.features))
    except LandscapeError:
        return "Choose columns…"
    others = len(table.columns) - 1
    return f"{count} of {others} columns"
