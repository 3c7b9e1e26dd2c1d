"""Functions that remember their answers, and whether they would give the same ones again."""

import types
from typing import Any

from landscape_core.foundation.errors import SpecError
from landscape_core.models.code_reading import reading
from landscape_core.models.content_digest import SUBJECT
from landscape_core.models.content_values import PLAIN
from landscape_core.models.installed import is_installed_module
from landscape_core.models.pure_modules import is_pure_name

FORGETFUL = "one of its arguments alone, as what it remembers may be of other values"


def check_remembered(cached: Any) -> None:
    """Refuse a function of `functools.lru_cache` that depends on more than its arguments.

    Raises:
        SpecError: its answers may be those of a global variable that has changed since.
    """
    function = cached.__wrapped__
    if not _is_of_arguments(function):
        name = getattr(function, "__qualname__", type(function).__name__)
        raise SpecError(SUBJECT, f"the cached function {name}", FORGETFUL)


def _is_of_arguments(function: Any) -> bool:
    if type(function) is not types.FunctionType or function.__closure__:
        return False
    given = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    plain = all(isinstance(one, PLAIN) for one in given)
    return plain and _is_closed(function.__code__, function.__globals__)


def _is_closed(code: types.CodeType, names: dict[str, Any]) -> bool:
    """Whether code takes nothing but pure functions from elsewhere, and asks no object."""
    read = reading(code)
    pure = all(_is_pure(chain, names) for chain in read.looked_up)
    asked = read.attributes - {name for chain in read.looked_up for name in chain[1:]}
    inner = (one for one in read.constants if isinstance(one, types.CodeType))
    return pure and not asked and not read.imports and all(_is_closed(one, names) for one in inner)


def _is_pure(chain: tuple[str, ...], names: dict[str, Any]) -> bool:
    """Whether a global name with the attributes asked of it gives a pure function."""
    first, *rest = chain
    if first not in names:
        return not rest and is_pure_name("builtins", first)
    value = names[first]
    while isinstance(value, types.ModuleType) and is_installed_module(value) and rest:
        module, name = value, rest.pop(0)
        value = vars(module).get(name)
        if not isinstance(value, types.ModuleType):
            return not rest and value is not None and is_pure_name(module.__name__, name)
    return False
