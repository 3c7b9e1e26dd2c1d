"""Coordinates in the tip of a map: those of the point whose value is read, not the pointer's."""

from bokeh.models import ColumnDataSource, CustomJSHover

CODE = """
const {{values, values_{0}: [low], values_{1}: [wide]}} = source.data, n = values[0].shape[{2}];
const at = Math.min(n - 1, Math.max(0, Math.floor((value - low) / (wide / n))));
return String(Number((low + (at + 0.5) * wide / n).toPrecision(4))).replaceAll("-", "−");"""


def nearest(source: ColumnDataSource) -> dict[str, CustomJSHover]:
    """The formatters of `$x` and `$y` for the image `values` of a source, in its box `values_...`.

    The pointer is near a point of the image, not on it.
    """
    args = {"source": source}
    return {
        "$x": CustomJSHover(code=CODE.format("x", "width", 1), args=args),
        "$y": CustomJSHover(code=CODE.format("y", "height", 0), args=args),
    }
