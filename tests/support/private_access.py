"""Find where code uses a private name of another module, from the syntax tree alone.

A name is private if it begins with one underscore. It belongs to the module that defines it (a
function, class, variable, attribute or field), and a private module to the package that holds it.
Found are

- imports of a private name, or from a private module, of another package;
- attributes `something._name`, where the module itself defines no such name and `something` is not
  `self` or `cls`.

Only names that our own source defines count: what other libraries call `_name` is theirs, and some
of it (`torch.nn.Module._parameters`) has no other name.
"""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple


class Access(NamedTuple):
    """One use of a private name of another module."""

    file: str
    line: int
    name: str

    def __str__(self):
        return f"{self.file}:{self.line} {self.name}"


def is_private(name):
    """Whether a name begins with one underscore and is more than that."""
    return name.startswith("_") and not name.startswith("__") and name.strip("_") != ""


def defined(tree):
    """All names that a module defines anywhere: functions, classes, variables and attributes."""
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
            case ast.ClassDef(name=name) | ast.arg(arg=name):
                found.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name, ctx=ast.Store()):
                found.add(name)
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="object"), attr="__setattr__"),
                args=[_, ast.Constant(value=str(name)), *_],
            ):
                found.add(name)
    return found


def private_names(folders: Iterable[Path]) -> set[str]:
    """The private names that the modules of these folders define, and their private modules."""
    found = set()
    for folder in folders:
        for file in folder.rglob("*.py"):
            found |= {file.stem} | defined(ast.parse(file.read_bytes()))
    return set(filter(is_private, found))


def _imported(node, inside):
    """The dotted names that a statement imports, as tuples."""
    if isinstance(node, ast.ImportFrom):
        base = inside[: len(inside) - node.level + 1] if node.level else ()
        parts = (*base, *filter(None, (node.module or "").split(".")))
        return [(*parts, alias.name) for alias in node.names]
    if isinstance(node, ast.Import):
        return [tuple(alias.name.split(".")) for alias in node.names]
    return []


def accesses(file: Path, root: Path, private: set[str]) -> Iterator[Access]:
    """The uses of others' private names in one file, line by line.

    Args:
        file: the file that is read.
        root: the folder on Python's path under which it lies.
        private: the names that count.
    """
    tree = ast.parse(file.read_bytes())
    own, place = defined(tree), file.relative_to(root)
    inside = place.parts[:-1]
    for node in ast.walk(tree):
        for parts in _imported(node, inside):
            hidden = next((i for i, part in enumerate(parts) if part in private), None)
            if hidden is not None and inside[:hidden] != parts[:hidden]:
                yield Access(str(place), node.lineno, ".".join(parts))
        match node:
            case ast.Attribute(value=ast.Name(id="self" | "cls")):
                continue
            case ast.Attribute(attr=name) if name in private - own:
                yield Access(str(place), node.lineno, ast.unparse(node))
