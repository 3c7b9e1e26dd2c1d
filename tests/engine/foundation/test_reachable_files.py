"""What a digest of reachable code depends on: the files that imports lead to, and no others."""

import ast
from pathlib import Path

import pytest

import landscape_core
from landscape_core.foundation import reachable_files
from landscape_core.foundation.reachable_files import reachable_digest
from landscape_core.foundation.registry import entries
from landscape_core.labs.base import Lab

ROOT = Path(landscape_core.__path__[0])

LAZY = "def __getattr__(name):\n    return import_module(name)\n"

SOURCES = {
    "__init__": LAZY,
    "alone": "import math\n",
    "lab": "from own import steps as taken\nfrom own.parts.used import (\n    Used,  # noqa\n)\n",
    "steps": "def late():\n    from own.late import found\n",
    "late": "",
    "parts/__init__": "",
    "parts/used": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import own.alone\n",
    "parts/other": "",
    "by_name": "import_module('own.' + 'alone')\n",
    "of_by_name": "import own.by_name\n",
    "of_package": "from own import Anything\n",
}
REACHED = {"__init__", "lab", "steps", "late", "parts/__init__", "parts/used"}


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A package of its own in place of the engine; call it after each change."""
    root = tmp_path / "own"
    monkeypatch.setattr(reachable_files, "ROOT", root)
    monkeypatch.setattr(reachable_files, "LOADED", 2**63)
    for name, text in SOURCES.items():
        path = root / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    yield root
    forget()


def forget():
    """Look at the files again, as another process does."""
    for remembered in ("reachable_digest", "imported_by", "file_of"):
        getattr(reachable_files, remembered).cache_clear()


def changed(root, name, module):
    """Whether a change of a file gives a module another digest."""
    forget()
    before = reachable_digest(module)
    path = root / f"{name}.py"
    path.write_text(SOURCES[name] + "# edited\n")
    forget()
    return reachable_digest(module) != before


@pytest.mark.parametrize("name", SOURCES)
def test_a_change_counts_where_imports_lead_to_it(own, name):
    assert changed(own, name, "own.lab") == (name in REACHED)


@pytest.mark.parametrize("module", ["own.by_name", "own.of_by_name", "own.of_package", "elsewhere"])
def test_where_imports_do_not_say_all_every_file_counts(own, module):
    assert changed(own, "parts/other", module)


def test_what_was_edited_after_the_start_has_a_digest_of_its_own(own, monkeypatch):
    monkeypatch.setattr(reachable_files, "LOADED", 0)
    found = []
    for _ in range(2):
        forget()
        found.append(reachable_digest("own.lab"))
    assert found[0] != found[1]


def test_the_version_of_a_package_that_computes_counts(own, monkeypatch):
    forget()
    before = reachable_digest("own.lab")
    forget()
    monkeypatch.setattr(reachable_files, "version", lambda name: "0.0")
    assert reachable_digest("own.lab") != before


def imports(path):
    """The modules and names of the engine that a file imports, by Python's own parser."""
    tree = ast.parse(path.read_bytes())
    unrun = [n for n in tree.body if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.dump(n.test)]
    left_out = {id(inner) for node in unrun for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in left_out:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "an import relative to its package"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_imports_are_read_as_python_reads_them():
    paths = {
        ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(
            ".__init__"
        ): path
        for path in ROOT.rglob("*.py")
    }
    for path in paths.values():
        found = reachable_files.imported_by(path)
        if found is not None:
            assert set(imports(path)) & set(paths) <= set(found), path


@pytest.mark.parametrize("name", sorted(entries(Lab).shipped()))
def test_the_code_of_a_lab_is_a_part_of_the_engine(name):
    paths = reachable_files.reachable_files(f"landscape_core.labs.{name}")
    assert paths is not None
    assert ROOT / "labs" / f"{name}.py" in paths
    assert len(paths) < len(list(ROOT.rglob("*.py"))) / 2
