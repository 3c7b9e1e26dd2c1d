"""Classes from outside the laboratory: of installed packages, and of the running program.

The running program is a notebook or a script: a class that has a name at the top level of its
`__main__` module, by definition or by import, is a part under the class's own name. Running a cell
again rebinds the name, so that the newest class counts, and `del` takes it away.
"""

import functools
import importlib
import inspect
import sys
import warnings
from types import ModuleType
from typing import Any, TypeVar

from landscape_core.foundation.entry_points import Offer, is_valid_name, offered_name
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import (
    MISSING,
    PLAIN,
    Recipe,
    fields_of,
    is_own,
    noun_of,
    once,
)

R = TypeVar("R", bound=Recipe)

MAIN = "__main__"
"""The module of the running program: what is typed into a notebook, or a script."""


def offered_class(offer: Offer, base: type[R]) -> tuple[type[R] | None, str]:
    """The class that an entry point names, or None and what is wrong with it."""
    if not is_valid_name(offer.name):
        return None, f"{offer.name!r} is no lower-case identifier, as 'my_part'"
    if not offer.attribute:
        return None, "it names a module, not a class, as 'package.module:Class'"
    module, problem = _imported(offer.module)
    if module is None:
        return None, problem
    try:
        return _named_class(module, offer, base)
    except (Exception, SystemExit) as error:  # modules and classes may have hooks of their own
        return None, f"looking at {offer.value} fails with {type(error).__name__}: {error}"


def _named_class(module: ModuleType, offer: Offer, base: type[R]) -> tuple[type[R] | None, str]:
    """The class that an entry point names in its module, or None and what is wrong with it."""
    found: Any = module
    for name in offer.attribute.split("."):
        if not hasattr(found, name):
            return None, f"{offer.module} has no {offer.attribute}"
        found = getattr(found, name)
    flaw = flaw_of(found, base) or _misnamed(found, offer)
    return (None, flaw) if flaw else (found, "")


def flaw_of(kind: object, base: type[Recipe]) -> str:
    """What keeps a class from being a part of a kind, in words; empty if nothing does."""
    if not isinstance(kind, type):
        return f"it names an object of type {type(kind).__name__}, not a class"
    return _flaw(kind, base)


def place(kind: type) -> str:
    """Where a class is defined, as an entry point names it: `package.module:Class`."""
    return f"{kind.__module__}:{kind.__qualname__}"


def own_classes(base: type[R]) -> dict[str, list[type[R]]]:
    """The classes of a kind that the running program defines or imports, by their names.

    Abstract ones are among them: one may be meant as a base, or lack a method by mistake.
    """
    found: dict[str, list[type[R]]] = {}
    # A list first: a cell may define names meanwhile, in another thread.
    for name, value in list(vars(sys.modules[MAIN]).items()):
        if name.startswith("_") or not isinstance(value, type) or not issubclass(value, base):
            continue
        known = found.get(value.__name__, [])
        if is_own(value) and value not in known:
            found[value.__name__] = [*known, value]
    return found


def unknown_class(base: type[Recipe], name: str, hint: str) -> SpecError:
    """The error where a link, file or command names a class that is not defined here."""
    accepted = (
        f"an installed part or a class that is defined here: {name} is the name of a class that "
        f"was defined in a notebook or a Python file, and no link or file holds its code{hint}"
    )
    return SpecError(noun_of(base), name, accepted)


@functools.cache
def warn_once(text: str) -> None:
    """Warn that a part cannot be used, once in a process."""
    warnings.warn(text, stacklevel=2)


def forget() -> None:
    """Import what entry points name anew when it is next looked up, and warn of it again."""
    _imported.cache_clear()
    warn_once.cache_clear()


def _misnamed(kind: type, offer: Offer) -> str:
    """What is wrong with the way in which an entry point names a class, if anything.

    It names the class where it is defined, so that the name of a class is known without imports.
    """
    if place(kind) != f"{offer.module}:{offer.attribute}":
        return f"it must name the place where {kind.__name__} is defined, {place(kind)}"
    other = offered_name(kind)
    return f"{kind.__name__} has the name {other!r} already" if other != offer.name else ""


@functools.cache
def _imported(name: str) -> tuple[ModuleType | None, str]:
    try:
        return importlib.import_module(name), ""
    except (Exception, SystemExit) as error:  # what other people's modules raise is theirs
        return None, f"importing {name} fails with {type(error).__name__}: {error}"


@once
def _flaw(kind: type, base: type[Recipe]) -> str:
    name = kind.__name__
    abstract = _abstract_classes(base)
    if not issubclass(kind, abstract):
        return f"{name} is no subclass of " + " or ".join(one.__name__ for one in abstract)
    if inspect.isabstract(kind):
        missing = sorted(vars(kind)["__abstractmethods__"])
        return f"{name} lacks the method{'s' * (len(missing) > 1)} {', '.join(missing)}"
    if bare := _unannotated(kind):
        return f"{name}.{bare} has no annotation, as {bare}: Annotated[float, Knob(...)] = ..."
    if _annotated(kind) and "__dataclass_fields__" not in vars(kind):
        return f"{name} lacks the decorator @dataclass(frozen=True, kw_only=True)"
    return _flaw_of_fields(kind)


def _abstract_classes(base: type[Recipe]) -> tuple[type[Recipe], ...]:
    """What a part must be a subclass of: a measure one of outputs or one of gradients."""
    beside = vars(sys.modules[base.__module__]).values()
    found = [one for one in beside if inspect.isabstract(one) and issubclass(one, base)]
    return tuple(one for one in found if one.__module__ == base.__module__) or (base,)


def _flaw_of_fields(kind: type[Recipe]) -> str:
    """What is wrong with the fields of a class; a menu makes one with its default values."""
    try:
        for field in fields_of(kind):
            if field.default is MISSING:
                return f"{kind.__name__}.{field.name} has no default value"
        kind()
    except (SpecError, TypeError) as error:  # which name the field
        return str(error).rstrip(".")
    except Exception as error:  # a part must not break the menu in which it would stand
        return f"{type(error).__name__}: {error}"
    return ""


def _annotated(kind: type) -> list[str]:
    """The names that a class's own body annotates as fields."""
    own = inspect.get_annotations(kind)
    return [name for name, hint in own.items() if not _names_class_variable(hint)]


def _names_class_variable(hint: object) -> bool:
    """Whether an annotation, which may be text, is a `ClassVar`."""
    return str(hint).removeprefix("typing.").startswith("ClassVar")


def _unannotated(kind: type) -> str:
    """A plain value of a class's own body that looks like a field and has no annotation."""
    known = {name for one in kind.__mro__ for name in inspect.get_annotations(one)}
    for name, value in vars(kind).items():
        field = name.islower() and not name.startswith("_") and name not in known
        if field and type(value) in PLAIN:
            return name
    return ""
