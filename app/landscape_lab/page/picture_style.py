"""The style of an exported picture that a browser asks for."""

from collections.abc import Mapping
from typing import Any

from landscape_core.foundation.errors import SpecError
from landscape_lab.components.exporter.exporter import Exporter
from landscape_lab.figures.matplotlib.figure_style import FigureStyle, checked_style
from landscape_lab.page.form_sections import message_of


def style_of(asked: Mapping[str, Any], exporter: Exporter) -> FigureStyle | None:
    """The style that a browser asks for; None where it is none, as the dialog then says."""
    names = ("width", "font", "theme", "caption", "dots_per_inch")
    known = {name: asked[name] for name in names if asked.get(name) not in (None, "")}
    try:
        return checked_style(**known)
    except SpecError as error:
        exporter.fail(message_of(error))
        return None
