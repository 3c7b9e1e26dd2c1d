"""Recipes and numbers in the attributes of a dataset, which anybody may have written.

What cannot be read counts as not stated: a picture needs the numbers, not what is said of them.
"""

import json
from collections.abc import Mapping
from numbers import Real
from typing import Any


def recipe(attrs: Mapping[Any, Any], name: str) -> dict[str, Any]:
    """The recipe that an attribute holds as JSON; empty if there is none."""
    found = _read(attrs.get(name))
    return found if isinstance(found, dict) else {}


def rows(attrs: Mapping[Any, Any], name: str) -> list[Any]:
    """The list that an attribute holds as JSON; empty if there is none."""
    found = _read(attrs.get(name))
    return found if isinstance(found, list) else []


def number(value: object) -> float | None:
    """A number, NaN and infinity among them; None of anything else."""
    return None if isinstance(value, bool) or not isinstance(value, Real) else float(value)


def _read(text: object) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
