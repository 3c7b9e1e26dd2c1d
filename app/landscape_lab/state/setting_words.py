"""Values of settings in words."""

from typing import Any

from landscape_core.foundation.recipes import Recipe, label_of


def in_words(value: Any) -> str:
    """A value of a setting as a user reads it: `0.1`, `on`, the label of a part."""
    if isinstance(value, Recipe):
        return label_of(type(value))
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value).replace("_", " ")
