"""What a piece of Python's code says, apart from where it stands and how it is documented."""

import dis
import functools
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

LOOKED_UP = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}
ATTRIBUTE = {"LOAD_ATTR", "LOAD_METHOD"}
SILENT = {"NOP", "EXTENDED_ARG", "CACHE", "RESUME"}
"""Instructions that do nothing, or belong to the next."""

PLACED = {"__doc__", "__qualname__", "__firstlineno__", "__static_attributes__"}
"""What the body of a class is given by where and how it is written."""

CALLING = 0xFFEF
"""The flags of code that change what a call does: not whether it is nested, or documented."""


@dataclass(frozen=True)
class Import:
    """An `import` within code: the module's name, the dots before it, and what is taken out."""

    name: str
    level: int
    taken: tuple[str, ...]


@dataclass(frozen=True)
class Reading:
    """What code says.

    `steps` are its instructions, with constants by the order of their first use; `attributes` the
    names that it takes from anything, `looked_up` the global names with the attributes taken from
    them at once, as in `config.scale`.
    """

    steps: str
    constants: tuple[Any, ...]
    attributes: frozenset[str]
    looked_up: tuple[tuple[str, ...], ...]
    imports: tuple[Import, ...]


@functools.lru_cache(maxsize=4096)
def reading(code: types.CodeType) -> Reading:
    """What code says; without that of functions within it, which are constants of it.

    A docstring is none of the constants, as nothing loads it.
    """
    found = [one for one in dis.get_instructions(code) if one.opname not in SILENT]
    places: dict[int, int] = {}
    steps: list[tuple[int, int | str | None]] = []
    for one, after in zip(found, [*found[1:], found[-1]], strict=True):
        said = one.argval if one.opcode in dis.hasname else one.arg
        if one.opcode in dis.hasconst and one.arg is not None:
            if _places(after):
                continue
            said = places.setdefault(one.arg, len(places))
        if not _places(one):
            steps.append((one.opcode, said))
    constants = tuple(code.co_consts[index] for index in places)
    told = repr((steps, _called(code), code.co_exceptiontable))
    attributes = frozenset(one.argval for one in found if one.opname in ATTRIBUTE)
    return Reading(told, constants, attributes, _looked_up(found), tuple(_imports(found)))


def mentioned(code: types.CodeType) -> set[str]:
    """The names that code mentions, also as text, functions within it included."""
    found = set(code.co_names)
    for one in code.co_consts:
        if isinstance(one, types.CodeType):
            found |= mentioned(one)
        elif isinstance(one, str) and one.isidentifier():
            found.add(one)
    return found


def _places(one: dis.Instruction) -> bool:
    """Whether an instruction tells a class where and how it is written."""
    return one.opname == "STORE_NAME" and one.argval in PLACED


def _called(code: types.CodeType) -> tuple[Any, ...]:
    """How code is called, the names of arguments included, by which a partial gives them."""
    count = code.co_argcount + code.co_kwonlyargcount
    kinds = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount
    return *kinds, code.co_flags & CALLING, code.co_varnames[:count]


def _looked_up(found: Sequence[dis.Instruction]) -> tuple[tuple[str, ...], ...]:
    chains: dict[tuple[str, ...], None] = {}
    for at, one in enumerate(found):
        if one.opname in LOOKED_UP:
            chain = [one.argval]
            for after in found[at + 1 :]:
                if after.opname not in ATTRIBUTE:
                    break
                chain.append(after.argval)
            chains[tuple(chain)] = None
    return tuple(chains)


def _imports(found: Sequence[dis.Instruction]) -> Iterator[Import]:
    for at, one in enumerate(found):
        if one.opname == "IMPORT_NAME":
            level, taken = (before.argval for before in found[at - 2 : at])
            yield Import(one.argval, level or 0, tuple(taken or ()))
