"""The column of controls: sections of labelled rows, described as plain data."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import param
from panel.custom import JSComponent

from app.wiring import Messages


class FormModel(Messages, JSComponent):
    """Its browser side (Bokeh finds no model whose name begins with an underscore)."""

    _esm = Path(__file__).with_name("form.js")

    sections = param.List(doc="title, help and fields of each section")
    errors = param.Dict(default={}, doc="path -> what is wrong with its last value")
    busy = param.Boolean(default=False, doc="whether what was chosen is still being computed")

    changed: Callable[[str, Any], None]

    def _handle_msg(self, data: dict[str, Any]) -> None:
        self.changed(data["path"], data["value"])


class Form:
    """Rows of controls; tells of a change by path and value."""

    def __init__(self, changed: Callable[[str, Any], None]) -> None:
        """An empty form; `changed` is called on the page's thread."""
        self.view = FormModel(width=286, sizing_mode="stretch_height", min_height=0)
        self.view.changed = changed

    def show(self, sections: Sequence[dict[str, Any]]) -> None:
        """Show these sections; a control that is being edited keeps its text and focus.

        A section has `title`, `help` and `fields`. A field has `path`, `label`, `help`, `value` and
        a `kind`: choice (with `options`), number or integer (with `low`, `high` and `scale`),
        switch or text; with `detail` it is shown only when more is asked for. An option has
        `value`, `label`, `help` and perhaps the `group` under which it stands. A choice may have a
        `card` on what is chosen, which a button beside it opens: `title`, `text`, `formula` and
        `source`.
        """
        self.view.sections = list(sections)

    def set_busy(self, busy: bool) -> None:  # noqa: FBT001 - the state of a form
        """Say whether what was chosen is still being computed."""
        self.view.busy = busy

    @property
    def paths(self) -> list[str]:
        """The paths of all rows that are shown."""
        return [field["path"] for section in self.view.sections for field in section["fields"]]

    def set_error(self, path: str, text: str | None) -> None:
        """Say under a control what is wrong with its value, or that nothing is."""
        errors = {known: said for known, said in self.view.errors.items() if known != path}
        self.view.errors = errors if text is None else {**errors, path: text}

    def clear_errors(self) -> None:
        """Say no more what was wrong."""
        self.view.errors = {}
