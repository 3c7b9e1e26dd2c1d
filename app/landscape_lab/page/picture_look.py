"""The look of an exported picture that a browser asks for."""

from collections.abc import Mapping
from typing import Any

from landscape_core.foundation.errors import SpecError
from landscape_lab.components.exporter.exporter import Exporter
from landscape_lab.figures.matplotlib.look import Look, checked_look
from landscape_lab.page.form_sections import message_of


def look_of(asked: Mapping[str, Any], exporter: Exporter) -> Look | None:
    """The look that a browser asks for; None where it is none, as the dialog then says."""
    names = ("width", "font", "theme", "caption", "dots_per_inch")
    known = {name: asked[name] for name in names if asked.get(name) not in (None, "")}
    try:
        return checked_look(**known)
    except SpecError as error:
        exporter.fail(message_of(error))
        return None
