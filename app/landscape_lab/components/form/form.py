"""The settings form: sections of labelled controls, described as plain data."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import param
from panel.custom import JSComponent

from landscape_lab.bridge.jupyter import Messages
from landscape_lab.components.form.glossary import terms
from landscape_lab.components.images import images

PARTS = (
    "../signals.js", "../pale.js", "form_glossary.js", "form_help.js", "form_asking.js",
    "form_control.js", "form_first.js", "form_search.js", "form.js",
)  # fmt: skip
"""Its JavaScript files, joined in this order to one module."""

PICTURES = Path(__file__).with_name("pictures")
"""Pictures of the data sets by their names, written by `make thumbnails`."""

WIDTH = 320
"""Width in pixels at the default font size."""


class FormModel(Messages, JSComponent):
    """Its browser model (Bokeh finds no model whose name begins with an underscore)."""

    _esm = "\n".join(Path(__file__).parent.joinpath(part).read_text("utf-8") for part in PARTS)

    # As text: a list so long and deep would be compared and searched for models at every change.
    sections = param.String(default="[]", doc="JSON: title, help and fields of each section")
    errors = param.Dict(default={}, doc="path -> error message of its last value")
    glossary = param.String(default="[]", doc="JSON: name, words and definition of each term")
    pictures = param.Dict(default={}, doc="SVG image of each choice that has one, by its value")
    searched = param.Boolean(default=True, doc="whether settings can be searched for")
    busy = param.Boolean(default=False, doc="whether a computation is in progress")

    on_message: Callable[[dict[str, Any]], None]

    def _handle_msg(self, data: dict[str, Any]) -> None:
        self.on_message(data)


class Form:
    """The settings form; reports changes by path and value.

    On a page narrower than 900 pixels (1700 in projector mode) the form is a drawer at the left
    edge that opens over the page.
    """

    def __init__(
        self,
        changed: Callable[[str, Any], None],
        restore: Callable[[str], None] | None = None,
        *,
        searched: bool = True,
    ) -> None:
        """An empty form.

        Args:
            changed: called with path and value, on the page's thread.
            restore: called with the path of a row that is to be as in the preset; without it no
                row is marked as changed.
            searched: whether there is a field to search for settings, of which few need none.
        """
        self._changed, self._restore = changed, restore
        self._sections: list[dict[str, Any]] = []
        # In the browser the width follows the size of type, and is nothing when the page is narrow.
        self.view = FormModel(
            glossary=json.dumps([term.plain() for term in terms()]),
            pictures=dict(images(PICTURES)),
            searched=searched,
            width=WIDTH,
            sizing_mode="stretch_height",
            min_height=0,
            margin=0,
        )
        self.view.on_message = self._on_message

    def show(self, sections: Sequence[dict[str, Any]]) -> None:
        """Show these sections; a control that is being edited keeps its text and focus.

        A section has `title`, `help`, `fields`, and `closed` if it is folded at first. One without
        a title is the first screen: each control with its line of help, and a choice that is
        `pictured` with the pictures of its options.

        A field has `path`, `label`, `help`, `value` and
        a `kind`: choice (with `options`), number or integer (with `low`, `high` and `scale`),
        switch, text or file (a button with the text `shown`, which reports an empty value for the
        path `opens`, or its own); with `detail` it is folded under "more", with `changed` it has a
        dot that restores the preset's value. An option has `value`, `label`, `help` and optionally
        a `group`. A choice may have a `card` on the selected part, opened by its info button:
        `title`, `text`, `formula` and `source`.
        """
        self._sections = list(sections)
        self.view.sections = json.dumps(self._sections)

    def refresh(self) -> None:
        """Put the values of the sections into the controls again."""
        self.view._send_msg({"action": "refresh"})

    def set_busy(self, busy: bool) -> None:  # noqa: FBT001 - the state of a form
        """Say whether a computation is in progress."""
        self.view.busy = busy

    @property
    def paths(self) -> list[str]:
        """The paths of all rows shown."""
        return [field["path"] for section in self._sections for field in section["fields"]]

    def set_error(self, path: str, text: str | None) -> None:
        """Show an error message under a control, or clear it."""
        errors = {known: said for known, said in self.view.errors.items() if known != path}
        self.view.errors = errors if text is None else {**errors, path: text}

    def clear_errors(self) -> None:
        """Clear all error messages."""
        self.view.errors = {}

    def _on_message(self, data: dict[str, Any]) -> None:
        if not data.get("restore"):
            self._changed(data["path"], data["value"])
        elif self._restore is not None:
            self._restore(data["path"])
