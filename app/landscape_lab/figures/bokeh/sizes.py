"""Larger type, lines and signs, for a picture that is looked at from afar."""

import re
from typing import Any

from bokeh.core.property.vectorization import Value
from bokeh.models import Model

ENDS = ("font_size", "line_width")
"""How the names of sizes end, of which a model may have several."""

WHOLE = ("glyph_height", "glyph_width", "label_height", "min_border_left", "min_border_right")
"""Sizes that must be whole numbers of pixels."""


class Scaled:
    """A view whose figure is built once, with all sizes."""

    figure: Any
    _factor = 1.0

    def scale(self, factor: float) -> None:
        """Make type, lines and signs so many times as large as they are by themselves."""
        enlarge(self.figure, factor / self._factor)
        self._factor = factor


def enlarge(model: Model, times: float) -> None:
    """Multiply the sizes of a model and of all that it is made of; columns stay as they are."""
    for part in model.references():
        for name in part.properties():
            if name in WHOLE or name == "size" or name.endswith(ENDS):
                old = getattr(part, name)
                new = _larger(old, times)
                new = round(new) if name in WHOLE and new is not None else new
                if new != old:
                    setattr(part, name, new)


def _larger(size: Any, times: float) -> Any:
    """A number or a number of pixels made larger; all else as it is."""
    if isinstance(size, Value):
        return Value(_larger(size.value, times))
    if isinstance(size, int | float) and not isinstance(size, bool):
        return round(size * times, 4)
    if isinstance(size, str) and (found := re.fullmatch(r"([\d.]+)(px|pt|em)", size)):
        return f"{round(float(found[1]) * times, 4):g}{found[2]}"
    return size
