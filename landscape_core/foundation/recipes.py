"""Recipes: frozen dataclasses of plain values that name whatever the user chooses.

One declaration is the constructor, the validation, the form in the app, the cache key, the link
and the row in the documentation. A field says its range and its meaning in its annotation::

    lr: Annotated[float, Knob(1e-5, 10.0, "step size", scale="log")] = 0.1
"""

import dataclasses
import functools
import json
import math
import re
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from landscape_core.foundation.entry_points import offered_name
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.part_files import is_shipped, written_in

ENGINE_VERSION = 7
"""Raised whenever the same recipe would give other numbers; part of every cache key."""

F = typing.TypeVar("F", bound=Callable[..., Any])
R = typing.TypeVar("R", bound="Recipe")


MISSING = dataclasses.MISSING
"""The default of a field that has none."""


def once(function: F) -> F:
    """The function with its answers remembered; unlike `functools.cache` it keeps its types."""
    return typing.cast(F, functools.cache(function))


@dataclass(frozen=True)
class Knob:
    """The closed range of a number, its meaning, and how a slider should move over it."""

    low: float
    high: float
    help: str
    scale: Literal["linear", "log"] = "linear"


@dataclass(frozen=True)
class Choice:
    """The words that a text field accepts, and what the choice means."""

    options: tuple[str, ...]
    help: str


@dataclass(frozen=True)
class Note:
    """The meaning of a field that needs no range: a switch, a path or a nested recipe."""

    help: str


@dataclass(frozen=True)
class FileName(Note):
    """The meaning of a field that names a file or folder of the machine that computes."""


@dataclass(frozen=True)
class TableFile(FileName):
    """The meaning of a field that names a table, which the app takes by upload."""


@dataclass(frozen=True)
class ColumnName(Note):
    """The meaning of a field that names a column of the table of the same recipe."""


@dataclass(frozen=True)
class ColumnNames(Note):
    """The meaning of a field that names columns of the table, separated by commas."""


Mark = Knob | Choice | Note

LONGEST_TEXT = 4096
"""Characters of a text field."""

PLAIN = (bool, int, float, str)
"""The types of fields that are no recipes themselves."""


@dataclass(frozen=True)
class Field:
    """One field of a recipe, as forms, tests and documentation read it."""

    name: str
    type: type
    default: Any
    mark: Mark

    @property
    def help(self) -> str:
        """One line in plain words."""
        return self.mark.help

    @property
    def label(self) -> str:
        """The name as shown to people: `batch_size` reads `batch size`."""
        return self.name.replace("_", " ")


class Recipe:
    """Base of all recipes: a frozen, keyword-only dataclass that checks itself when made."""

    label: ClassVar[str] = ""

    noun: ClassVar[str] = ""
    """What an error calls a part of this kind, where that is not the words of the class's name."""

    _written: ClassVar[str] = ""
    """A digest of the file that a part of the laboratory stands in; empty for other classes."""

    def __init_subclass__(cls, **more: Any) -> None:
        """Read the class's file now, as later it need not be what runs."""
        super().__init_subclass__(**more)
        cls._written = written_in(cls.__module__)

    def __post_init__(self) -> None:
        """Check every field against its annotation, then the rules between fields."""
        for field in fields_of(type(self)):
            object.__setattr__(self, field.name, _checked(self, field))
        self.check()

    def check(self) -> None:
        """Raise `SpecError` if fields contradict each other."""

    def replace(self: R, **changes: Any) -> R:
        """The same recipe with some fields changed, checked again."""
        return dataclasses.replace(typing.cast(Any, self), **changes)


@once
def fields_of(recipe: type[Recipe]) -> tuple[Field, ...]:
    """The described fields of a recipe class: its own as declared, then those of its bases."""
    hints = typing.get_type_hints(recipe, include_extras=True)
    own = vars(recipe).get("__annotations__", {})
    fields = sorted(dataclasses.fields(typing.cast(Any, recipe)), key=lambda f: f.name not in own)
    return tuple(_described(recipe, field, hints[field.name]) for field in fields)


def summary_of(thing: object) -> str:
    """The first line of the documentation of a class or function; empty if nobody wrote any."""
    told = (thing.__doc__ or "").strip()
    if told.startswith(f"{getattr(thing, '__name__', '')}("):  # which `dataclass` makes up
        return ""
    return told.partition("\n")[0]


def label_of(recipe: type[Recipe]) -> str:
    """The name shown to people; the class's `label`, or else its name."""
    return recipe.label or recipe.__name__


def noun_of(recipe: type[Recipe]) -> str:
    """What an error calls such a part: `SidePanel` is a side panel."""
    return recipe.noun or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", recipe.__name__).lower()


def name_of(recipe: type) -> str:
    """The public name of a recipe class.

    Of the laboratory's own it is the name of the module that holds it, of an installed package's
    that of its entry point, and of all others the name of the class.
    """
    if is_shipped(recipe.__module__):
        return recipe.__module__.rpartition(".")[2]
    return offered_name(recipe) or recipe.__name__


def to_plain(recipe: Recipe) -> dict[str, Any]:
    """The recipe as nested dictionaries of JSON values; `kind` holds each recipe's name."""
    plain: dict[str, Any] = {"kind": name_of(type(recipe))}
    for field in fields_of(type(recipe)):
        value = getattr(recipe, field.name)
        plain[field.name] = to_plain(value) if isinstance(value, Recipe) else value
    return plain


def parts_of(recipe: Recipe) -> Iterator[Recipe]:
    """The recipe itself, and all that are in its fields, at any depth."""
    yield recipe
    for field in fields_of(type(recipe)):
        value = getattr(recipe, field.name)
        if isinstance(value, Recipe):
            yield from parts_of(value)


def is_own(recipe: type[Recipe]) -> bool:
    """Whether a class is one of the user's own: neither shipped nor of an installed package."""
    return not is_shipped(recipe.__module__) and not offered_name(recipe)


def unlike(one: Recipe, other: Recipe) -> str:
    """In which fields a recipe differs from another: `architecture.width 7, not 16`."""
    pairs = _flat(to_plain(one)), _flat(to_plain(other))
    told = []
    for path, value in pairs[0].items():
        if pairs[1].get(path) != value:
            told.append(f"{path} {value}" + (f", not {pairs[1][path]}" if path in pairs[1] else ""))
    return "; ".join(told) or "equal"


def _flat(plain: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in plain.items():
        path = prefix.removesuffix(".") if name == "kind" and prefix else f"{prefix}{name}"
        flat |= _flat(value, f"{path}.") if isinstance(value, dict) else {path: value}
    return flat


def canonical(plain: object) -> str:
    """JSON with sorted keys and no spaces: equal content gives equal text."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _described(recipe: type, field: dataclasses.Field[Any], hint: Any) -> Field:
    where = f"{recipe.__name__}.{field.name}"
    kind, mark = (*typing.get_args(hint), None, None)[:2]
    if typing.get_origin(hint) is not Annotated or not isinstance(mark, Mark):
        raise TypeError(f"{where} needs Annotated[type, Knob|Choice|Note].")
    kind = typing.get_origin(kind) or kind  # Optimizer[Any] is an Optimizer
    if kind not in PLAIN and not (isinstance(kind, type) and issubclass(kind, Recipe)):
        raise TypeError(f"{where} must be a plain value (bool, int, float, str) or a recipe.")
    if isinstance(mark, Knob) and kind not in (int, float):
        raise TypeError(f"{where} has a Knob, which is for int and float.")
    if isinstance(mark, Choice) and kind is not str:
        raise TypeError(f"{where} has a Choice, which is for str.")
    default = field.default
    if field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    return Field(field.name, kind, default, mark)


def _checked(recipe: Recipe, field: Field) -> Any:
    value = getattr(recipe, field.name)
    where = f"{type(recipe).__name__}.{field.name}"
    if getattr(value, "ndim", None) == 0:
        value = value.item()  # a NumPy or torch scalar
    if not _fits(value, field.type):
        raise SpecError(where, value, f"of type {field.type.__name__}")
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise SpecError(where, value, f"at most {LONGEST_TEXT} characters long")
    if isinstance(field.mark, Knob):
        _check_range(where, value, field.mark)
    if isinstance(field.mark, Choice) and value not in field.mark.options:
        raise SpecError(where, value, "one of " + ", ".join(field.mark.options))
    if field.type is float:
        return float(value) + 0.0  # -0.0 becomes 0.0: what is equal has the same key
    return value


def _fits(value: object, kind: type) -> bool:
    if isinstance(value, bool):  # an int to Python, not to us
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _check_range(where: str, value: float, knob: Knob) -> None:
    if not (knob.low <= value <= knob.high and abs(value) != math.inf):
        raise SpecError(where, value, f"between {_shown(knob.low)} and {_shown(knob.high)}")


def _shown(bound: float) -> str:
    return str(bound) if isinstance(bound, int) else f"{bound:g}"
