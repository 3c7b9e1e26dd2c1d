"""Your own table on a page: a file that is uploaded or pasted, its columns, and the data set."""

from collections.abc import Callable, Iterator
from typing import Any

from landscape_core.foundation.recipes import (
    ColumnName,
    ColumnNames,
    Recipe,
    TableFile,
    fields_of,
    name_of,
)
from landscape_core.models.table_columns import (
    AUTOMATIC,
    Examples,
    examples,
    list_of,
    names_of,
    target_column,
)
from landscape_core.storage.data_tables import Column, DataTable, read_table
from landscape_core.storage.held_tables import ENDINGS, LARGEST, HeldTables, held_table
from landscape_core.storage.parquet_tables import available
from landscape_lab.bridge.event_loop import UiLoop
from landscape_lab.components.uploader.uploader import Choice, Uploader
from landscape_lab.page.form_sections import message_of
from landscape_lab.state.form_model import assign, rows, value_at
from landscape_lab.state.scene import Scene
from landscape_lab.worker.thread import LatestJobQueue

TASK = "task"
"""The field of a table that says whether it is a classification or a regression."""

SHOWN_CLASSES = 4
"""Names of classes that the dialog shows."""


def lacking_table(scene: Scene) -> str:
    """The path of a part whose table is not named yet; empty if there is none."""
    found = (row for row in rows(scene) if isinstance(row.field.mark, TableFile))
    return next((row.path.rpartition(".")[0] for row in found if not row.value), "")


class OwnTable:
    """The dialog of a page that takes a table, and what the session holds.

    Tables are read on a thread of their own, so that a run that plays goes on.
    """

    def __init__(
        self,
        scene: Callable[[], Scene],
        take: Callable[[Scene, str], None],
        back: Callable[[], None],
    ) -> None:
        """No table yet.

        Args:
            scene: what is wanted at present.
            take: called with the scene on the table that is to be used, and the path of the data.
            back: called when the dialog was closed, whether or not a table was taken.
        """
        self.held = HeldTables()
        self._scene, self._take = scene, take
        self._queue = LatestJobQueue(UiLoop())
        self._path, self._name = "", ""
        self._kind: type[Recipe] = Recipe
        self._titles: dict[str, str] = {}
        endings = [one for one in ENDINGS if one != ".parquet" or available()]
        self.uploader = Uploader(LARGEST, endings, self._receive, self._choose, back)

    def open(self, wanted: Scene, path: str) -> None:
        """Open the dialog, with the table that there is, if any.

        Args:
            wanted: the scene with a data set that needs a table.
            path: where that data set is.
        """
        self._path, self._kind = path, type(value_at(wanted, path))
        self.uploader.open()
        now = value_at(self._scene(), path)
        if type(now) is self._kind:
            fields = _fields(self._kind)
            name = str(getattr(now, fields[TableFile]))
            if name in self.held:
                self._read(name, now, fields)

    def title(self, name: str) -> str:
        """What the table of that name is called in the form: the name of the uploaded file."""
        return self._titles.get(name, "")

    def end(self) -> None:
        """Remove the tables, without waiting for the thread."""
        self._queue.end()
        self.held.release()

    def close(self) -> None:
        """Remove the tables once the thread has ended."""
        self._queue.close()
        self.held.release()

    def _receive(self, file: str, content: bytes) -> None:
        """A file has arrived: read it, and hold it if it is a table."""

        def work() -> Iterator[tuple[str, DataTable]]:
            name = self.held.hold(content, file)
            yield name, read_table(held_table(name))

        def show(found: tuple[str, DataTable]) -> None:
            name, table = found
            self._titles[name] = file
            columns = [*table.columns.values()]
            target = columns[-1].name
            usable = tuple(c.name for c in columns if _is_usable(c) and c.name != target)
            self._show(name, table, Choice(target, AUTOMATIC, usable))

        self._queue.submit(work, show, self._fail, _nothing)

    def _read(self, name: str, recipe: Recipe, fields: dict[type, str]) -> None:
        """Show the table that a data set has, and what is chosen of it."""
        target, features = (getattr(recipe, fields[mark]) for mark in (ColumnName, ColumnNames))
        task = str(getattr(recipe, TASK))

        def work() -> Iterator[DataTable]:
            yield read_table(held_table(name))

        def show(table: DataTable) -> None:
            chosen = target_column(table, target).name
            every = [one for one in table.columns if one != chosen]
            self._show(name, table, Choice(chosen, task, tuple(names_of(features) or every)))

        self._queue.submit(work, show, self._fail, _nothing)

    def _show(self, name: str, table: DataTable, choice: Choice) -> None:
        self._name = name
        title = f"{self.title(name)}: {table.rows} rows, {len(table.columns)} columns"
        self.uploader.show_table(title, [_described(c) for c in table.columns.values()], choice)
        self._choose(choice, False)  # noqa: FBT003 - as the browser asks

    def _choose(self, choice: Choice, use: bool) -> None:  # noqa: FBT001 - as the browser asks
        """Say what a choice of columns is, and use it if that is asked for and possible."""
        name = self._name
        if name not in self.held:
            return

        def work() -> Iterator[tuple[str, Examples]]:
            if not choice.features:
                raise ValueError("Choose at least one feature.")
            table = read_table(held_table(name))
            every = [one for one in table.columns if one != choice.target]
            features = "" if [*choice.features] == every else list_of(choice.features)
            yield features, examples(table, choice.target, features, choice.task)

        def show(found: tuple[str, Examples]) -> None:
            features, chosen = found
            self.uploader.say(_told(chosen), fits=True)
            if use:
                self._use(name, choice, features)

        def fail(error: Exception) -> None:
            text = str(error) if isinstance(error, ValueError) else message_of(error)
            self.uploader.say(text, fits=False)

        self._queue.submit(work, show, fail, _nothing)

    def _use(self, name: str, choice: Choice, features: str) -> None:
        self.held.renew(name)
        fields, path = _fields(self._kind), self._path
        scene = assign(self._scene(), path, name_of(self._kind))
        values = {TableFile: name, ColumnName: choice.target, ColumnNames: features}
        for mark, value in values.items():
            scene = assign(scene, f"{path}.{fields[mark]}", value)
        scene = assign(scene, f"{path}.{TASK}", choice.task)
        self.uploader.close()
        self._take(scene, path)

    def _fail(self, error: Exception) -> None:
        self.uploader.fail(message_of(error))


def _nothing() -> None:
    pass


def _fields(kind: type[Recipe]) -> dict[type, str]:
    """The names of the fields of a recipe by the type of their mark."""
    return {type(field.mark): field.name for field in fields_of(kind)}


def _is_usable(column: Column) -> bool:
    return column.numeric and not column.missing


def _described(column: Column) -> dict[str, Any]:
    """A column in the words of the dialog."""
    missing = f"{column.missing} missing" if column.missing else ""
    note = ", ".join(filter(None, ("" if column.numeric else "text", missing)))
    return {
        "name": column.name, "numeric": column.numeric, "complete": not column.missing,
        "note": note,
    }  # fmt: skip


def _told(chosen: Examples) -> str:
    """What a choice of columns is: the task, the classes, and how many rows and features."""
    rows_, columns = chosen.features.shape
    size = f"{rows_} rows, {columns} feature{'s' if columns > 1 else ''}"
    if chosen.classes is None:
        return f"Regression: {size}."
    named = ", ".join(chosen.classes[:SHOWN_CLASSES])
    more = ", …" if len(chosen.classes) > SHOWN_CLASSES else ""
    return f"Classification into {len(chosen.classes)} classes ({named}{more}): {size}."
