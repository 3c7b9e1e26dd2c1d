"""Classes as a digest of content tells them: by name or file where they come installed, by body."""

import functools
import types
from typing import Any

from torch import nn

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Recipe
from landscape_core.models.content_digest import ContentDigest, Unmade
from landscape_core.models.content_installed import add_name
from landscape_core.models.installed import is_installed
from landscape_core.models.object_parts import administers

METHODS = (types.FunctionType, staticmethod, classmethod, property, functools.cached_property)


def add_class(content: ContentDigest, kind: type) -> None:
    """Add a class with its body and its own class; by its name or file what is installed."""
    add_name(content, kind)
    if file := file_of(kind):
        content.word(file)
    if file or is_installed(kind):
        return
    network = issubclass(kind, nn.Module)
    with content.referred(by_user=not network):  # the bases of networks are layers of a package
        content.add(*map(Unmade, kind.__bases__))
    if not is_installed(type(kind)):
        content.add_inner(type(kind))
    body = {name: v for name, v in vars(kind).items() if not administers(name, v)}
    content.word(str(len(body)))
    with content.referred(by_user=True):
        for name, value in body.items():
            content.word(name)
            _add_member(content, kind, name, value)


def made(kind: type) -> str:
    """What stands among the names that code mentions where it may make objects of a class."""
    return f"{kind.__qualname__} at {id(kind)}"


def file_of(kind: type) -> str:
    """The digest of the file of a part of the laboratory; empty for all other classes."""
    return str(vars(kind).get("_written", "")) if issubclass(kind, Recipe) else ""


def _add_member(content: ContentDigest, kind: type, name: str, value: Any) -> None:
    """Add what a class's body holds; a method that no key tells only counts if it is called.

    Many networks have one that reads a file, and that evaluating them leaves alone.
    """
    noted: tuple[dict[Any, Any], ...] = (content.seen, content.modules, content.mentioned)
    before = [len(one) for one in noted]
    try:
        content.add(value)
    except SpecError as error:
        builds = name == "__init__" and issubclass(kind, nn.Module)
        if type(value) not in METHODS or (_called_anyway(kind, name) and not builds):
            raise
        for one, count in zip(noted, before, strict=True):
            while len(one) > count:  # what was met on the way is not all told
                one.popitem()
        # A network is built before it is looked at, unless code makes another one.
        for called in (made(kind), "type", "__class__") if builds else (name,):
            content.untold.append((called, error))


def _called_anyway(kind: type, name: str) -> bool:
    """Whether Python or a package may call a method, though no code of the user's does."""
    special = name.startswith("__") and name.endswith("__")
    return special or any(name in vars(base) for base in kind.__mro__[1:] if is_installed(base))
