"""What the user's code takes out of installed modules: pure functions by name, and values."""

import decimal
import types
from typing import Any

import numpy as np
from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.models.content_digest import DIGESTIBLE, SUBJECT, ContentDigest
from landscape_core.models.content_values import COLLECTIONS, PLAIN
from landscape_core.models.installed import is_installed, is_known, package_mark
from landscape_core.models.object_parts import ASKING, decimal_context
from landscape_core.models.pure_modules import (
    is_pure,
    is_pure_builtin,
    is_pure_module,
    is_pure_name,
)

MISSING: Any = object()
"""Nothing else is added."""


def add_name(content: ContentDigest, thing: Any) -> None:
    """Add the name of a function or class, and what changes with the package it comes from."""
    content.word(f"{thing.__module__}.{thing.__qualname__}")
    if isinstance(thing.__module__, str):
        content.word(package_mark(thing.__module__))
    if thing is decimal.Decimal:
        content.add_inner(decimal_context())


def check_pure(content: ContentDigest, thing: Any) -> None:
    """Refuse an installed function or class that the user's code refers to and that is not pure.

    Raises:
        SpecError: it may read files, settings or the process.
    """
    kind = type(thing)
    for name in ASKING.get(thing if kind is type else kind, ()):
        error = SpecError(SUBJECT, f"code that asks for {name}", DIGESTIBLE)
        content.untold.append((name, error))
    if not content.by_user:
        return
    if kind is types.BuiltinFunctionType:
        pure = is_pure_builtin(thing)
    else:
        told = issubclass(kind, types.FunctionType | type) and is_installed(thing)
        pure = not told or is_pure(thing)
    if not pure:
        home = getattr(thing, "__module__", None) or "torch"
        raise SpecError(SUBJECT, f"code that calls {home}.{thing.__qualname__}", DIGESTIBLE)


def taken_of_installed(
    content: ContentDigest, module: types.ModuleType, name: str, value: Any
) -> Any:
    """What a key contains of an installed module's value under a name, besides the name.

    Raises:
        SpecError: the user's code takes it, and it is not known to be pure.
    """
    content.word(package_mark(module.__name__))
    if isinstance(value, (*PLAIN, Tensor, np.ndarray)):
        return value
    made = isinstance(value, types.FunctionType | type) and not is_installed(value)
    if made and not is_code_of_package(value):
        return value
    if content.by_user and (value is MISSING or not is_pure_name(module.__name__, name)):
        raise SpecError(SUBJECT, f"code that asks for {module.__name__}.{name}", DIGESTIBLE)
    if made:
        with content.referred(by_user=False):
            content.add_inner(value)
    more = value is decimal.Decimal or module.__name__ == "os"
    asks = isinstance(value, type) and value in ASKING
    return value if more or asks or isinstance(value, COLLECTIONS) else MISSING


def hand_on(content: ContentDigest, module: types.ModuleType) -> None:
    """Note an installed module out of which the user's code may take what it mentions.

    Raises:
        SpecError: nothing of it is known to be pure.
    """
    if not content.by_user:
        return
    if not is_pure_module(module.__name__):
        raise SpecError(SUBJECT, f"code that asks for {module.__name__}", DIGESTIBLE)
    content.installed[module.__name__] = module


def is_code_of_package(thing: Any) -> bool:
    """Whether a function that another one made, or a class, is written in an installed module."""
    from_code = getattr(thing, "__globals__", None)
    home = thing.__module__ if from_code is None else from_code.get("__name__")
    return isinstance(home, str) and is_known(home)
