"""What begins with an underscore is used in the package that it stands in, and nowhere else."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOMES = {"landscape_core": ROOT, "landscape_lab": ROOT / "app"}
FILES = {
    ".".join(path.relative_to(home).with_suffix("").parts): path
    for name, home in HOMES.items()
    for path in sorted((home / name).rglob("*.py"))
}
OF_LIBRARIES = {"_apply", "_modules", "_make", "_send_msg"}
"""Names of torch, Python and ipywidgets that happen to be ours as well."""


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def package_of(module):
    return module.rpartition(".")[0]


def private_imports(module, tree):
    """Imports of a private module, or of a private name of a module, from outside its package."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(tuple(HOMES)):
            for alias in node.names:
                parts = f"{node.module}.{alias.name}".split(".")
                at = next((i for i, part in enumerate(parts) if is_private(part)), None)
                if at is not None and package_of(module) != ".".join(parts[:at]):
                    yield f"{module}:{node.lineno} imports {'.'.join(parts)}"


def defined(tree):
    """The private names of functions, classes, fields and attributes that a module defines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def private_attributes(tree):
    """Lines and names of private attributes that are read of anything but the object itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            if not own and node.attr not in OF_LIBRARIES:
                yield node.lineno, node.attr


@pytest.fixture(scope="module")
def trees():
    return {module: ast.parse(path.read_bytes()) for module, path in FILES.items()}


def test_nothing_private_is_imported_from_another_package(trees):
    found = [told for module, tree in trees.items() for told in private_imports(module, tree)]
    assert not found


def test_no_private_attribute_belongs_to_another_package(trees):
    homes = defaultdict(set)
    for module, tree in trees.items():
        for name in filter(is_private, defined(tree)):
            homes[name].add(package_of(module))
    found = [
        f"{module}:{line} reads {name}"
        for module, tree in trees.items()
        for line, name in private_attributes(tree)
        if name in homes and package_of(module) not in homes[name]
    ]
    assert not found
