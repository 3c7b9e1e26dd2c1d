"""Any recipe as a form: its fields laid flat as paths, and a value at a path put back.

`run.optimizer` is a menu of the optimizers there are, `run.optimizer.learning_rate` a slider of the
one chosen. No file of the app names an optimizer, a network or a data set.
"""

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import (
    Choice,
    Field,
    Knob,
    Recipe,
    fields_of,
    is_own,
    label_of,
    name_of,
    noun_of,
    summary_of,
)
from landscape_core.foundation.registry import Entries, entries, find, from_plain

R = TypeVar("R", bound=Recipe)

ACCEPTED = {float: "a number", int: "a whole number", bool: "true or false"}
"""What is accepted for fields of plain types, in words."""


GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
"""Digits whose commas may separate thousands as well as fractions."""


@dataclass(frozen=True)
class Entry:
    """One row of a form: where the value lies in the recipe, what it is, what is described."""

    path: str
    field: Field
    value: Any
    owner: str
    place: int

    @property
    def nested(self) -> bool:
        """Whether it is a field of a part that has kinds: of a network, an optimizer."""
        depth = self.path.count(".")
        return depth > 2 or (depth > 1 and not isinstance(self.value, Recipe))


def rows(recipe: Recipe, prefix: str = "") -> Iterator[Entry]:
    """Every field of a recipe and of the recipes inside it, as far as they now apply."""
    for place, field in enumerate(fields_of(type(recipe))):
        path, value = f"{prefix}{field.name}", getattr(recipe, field.name)
        if not isinstance(value, Recipe):
            yield Entry(path, field, value, type(recipe).__name__, place)
            continue
        if inspect.isabstract(field.type) and not entries(field.type).holds(type(value)):
            continue  # one's own: nothing of it is a choice
        if inspect.isabstract(field.type) and len(entries(field.type)) > 1:
            yield Entry(path, field, value, type(recipe).__name__, place)
        yield from rows(value, path + ".")


def described(entry: Entry) -> dict[str, Any]:
    """A row in the words of the `Form` component."""
    field, mark = entry.field, entry.field.mark
    row: dict[str, Any] = {
        "path": entry.path,
        "label": field.label,
        "help": field.help,
        "value": plain_value(entry.value),
    }
    if isinstance(entry.value, Recipe):
        found: Entries[Recipe] = entries(field.type)
        told = {name: found.described(name) for name in found}
        options = [
            {"value": name, "label": each.label, "help": each.summary, "group": each.family}
            for name, each in told.items()
        ]
        return {**row, "kind": "choice", "options": options, "card": card(entry)}
    if isinstance(mark, Choice):
        options = [{"value": o, "label": o, "help": ""} for o in mark.options]
        return {**row, "kind": "choice", "options": options}
    if isinstance(mark, Knob):
        kind = "integer" if field.type is int else "number"
        return {**row, "kind": kind, "low": mark.low, "high": mark.high, "scale": mark.scale}
    return {**row, "kind": "switch" if field.type is bool else "text"}


def card(entry: Entry) -> dict[str, str]:
    """What is to be known of the chosen part: its name, summary, formula and source.

    The second sentence of its documentation follows the summary, where there is one.
    """
    kind = type(entry.value)
    rest = inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[2].partition("\n\n")[0]
    second = " ".join(rest.split()).partition(". ")[0].rstrip(".")
    return {
        "title": label_of(kind),
        "text": f"{summary_of(kind)} {second}." if second else summary_of(kind),
        "formula": getattr(kind, "formula", ""),
        "source": getattr(kind, "source", ""),
    }


def path_of(recipe: Recipe, field: str) -> str | None:
    """The path of a field that an error names as `Class.field`; None if it is on no form."""
    named = {f"{entry.owner}.{entry.field.name}": entry.path for entry in rows(recipe)}
    return named.get(field)


def plain_value(value: Any) -> Any:
    """What stands in the control: a recipe's name, or the value itself."""
    return name_of(type(value)) if isinstance(value, Recipe) else value


def assign(recipe: R, path: str, value: Any) -> R:
    """The recipe with the value at a path replaced.

    Another kind of a nested recipe keeps what the user had changed, where it has such a field.

    Raises:
        SpecError: no such path, or a value that is not accepted.
    """
    head, _, rest = path.partition(".")
    known = {field.name: field for field in fields_of(type(recipe))}
    if head not in known:
        raise SpecError("a setting", path, "one of " + ", ".join(known))
    old = getattr(recipe, head)
    if rest:
        if not isinstance(old, Recipe):
            raise SpecError("a setting", path, f"without a part behind {head!r}")
        new: Any = assign(old, rest, value)
    elif isinstance(old, Recipe):
        new = switched(old, known[head].type, value)
    else:
        new = _typed(known[head], value)
    return recipe.replace(**{head: new})


def value_at(recipe: Recipe, path: str) -> Any:
    """The value at a path that the recipe has."""
    for name in path.split("."):
        recipe = getattr(recipe, name)
    return recipe


def switched(old: Recipe, base: type[Recipe], name: str) -> Recipe:
    """The recipe of another kind, with what differs from the old one's defaults carried over."""
    if plain_value(old) == name and not is_own(type(old)):
        return old
    if not inspect.isabstract(base):  # its package is no catalogue
        raise SpecError(f"a setting of {noun_of(base)}", name, "specified by its field names")
    kind = find(base, name)
    if kind is type(old):  # and not an earlier version of a class of the notebook
        return old
    new = from_plain(base, {"kind": name})
    wanted = {field.name: field.type for field in fields_of(kind)}
    for field in fields_of(type(old)):
        value = getattr(old, field.name)
        if value != field.default and wanted.get(field.name) is field.type:
            try:
                new = new.replace(**{field.name: value})
            except SpecError:
                continue  # the new kind does not accept it: its default stands
    return new


def differences(recipe: Recipe, reference: Recipe) -> dict[str, Any]:
    """The paths at which a recipe differs from a reference, with its values; for short links.

    Assigned in this order to the reference, they give the recipe.
    """
    changes: dict[str, Any] = {}
    known = _values(reference)
    for path, value in _values(recipe).items():
        if path not in known or known[path] != value:
            changes[path] = value
            reference = assign(reference, path, value)
            known = _values(reference)
    return changes


def _values(recipe: Recipe) -> dict[str, Any]:
    """Every field that now applies, by path."""
    return {row.path: plain_value(row.value) for row in rows(recipe)}


def _typed(field: Field, value: Any) -> Any:
    """A value as a browser or a link sends it, in the field's type; `1,5` is one and a half."""
    where = field.label
    if isinstance(value, str) and field.type in (int, float):
        if GROUPED.fullmatch(value.strip()):
            accepted = f"{ACCEPTED[field.type]} without separators of thousands, as 1500 or 1.5"
            raise SpecError(where, value, accepted)
        value = value.replace(",", ".") if value.count(",") == 1 and "." not in value else value
    try:
        if field.type is bool:
            return value if isinstance(value, bool) else {"true": True, "false": False}[value]
        if field.type is int:
            number = float(value)
            if not number.is_integer():
                raise SpecError(where, value, "a whole number")
            return int(number)
        return field.type(value)
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        if isinstance(error, SpecError):
            raise
        raise SpecError(where, value, ACCEPTED.get(field.type, "text")) from None
