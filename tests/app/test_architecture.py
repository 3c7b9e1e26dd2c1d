"""docs/architecture.md shows today's packages, layers, places and files."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

import architecture

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
CONTRACTS = {
    contract["containers"][0]: contract["layers"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"][
        "importlinter"
    ]["contracts"]
    if contract.get("exhaustive")
}
FOLDERS = {"landscape_core": "landscape_core", "landscape_lab": "app/landscape_lab"}


def section(title):
    """The text under a heading, without what lies under the next one of its level."""
    _, _, rest = PAGE.partition(f"\n## {title}\n")
    return rest.partition("\n## ")[0]


def names_in(file):
    """The qualified names of a file's classes, functions and methods."""
    found = set()
    for node in ast.parse((ROOT / file).read_bytes()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{one.name}" for one in node.body if hasattr(one, "name")}
    return found


def test_the_drawing_shows_the_imports_of_today():
    assert architecture.DRAWING.read_text("utf-8") == architecture.drawing(), "make architecture"


@pytest.mark.parametrize("package", FOLDERS)
def test_the_packages_are_listed_in_the_order_of_the_layers(package):
    listed = re.findall(
        r"^  (\w+)/", section("The engine" if package == "landscape_core" else "The app"), re.M
    )
    layers = [name.strip() for layer in CONTRACTS[package] for name in layer.split("|")]
    shown = set(architecture.packages(ROOT / FOLDERS[package]))
    assert listed == [name for name in layers if name in shown]
    assert set(listed) == shown


@pytest.mark.parametrize("package", FOLDERS)
def test_no_chain_of_imports_leads_back(package):
    graph = architecture.packages(ROOT / FOLDERS[package])
    assert not [name for name in graph if name in architecture.reachable(graph, name)]
    kept = architecture.reduced(graph)
    for name in graph:
        assert architecture.reachable(kept, name) == architecture.reachable(graph, name)


def test_every_place_that_the_table_of_places_names_is_there():
    table = section("Where do I put …")
    missing = []
    for row in re.findall(r"^\| [^|]+ \| (.+) \|$", table, re.M)[1:]:
        base = ROOT
        for name in re.findall(r"`([\w/.]+(?:/|\.py))`", row):
            if name.startswith(("landscape_core/", "app/", "tests/")):
                base = ROOT / name
                missing += [name] * (not base.exists())
            else:  # beside or inside of what the row named before
                missing += [name] * (not any((at / name).exists() for at in (base, base.parent)))
    assert missing == []


@pytest.mark.parametrize("walk", architecture.LEAST)
def test_the_files_and_functions_of_a_walk_are_there(walk):
    _, _, rest = PAGE.partition(f"<!-- {walk} -->")
    rows = re.findall(r"\]\(\.\./([\w/.]+)\) \| `([\w.]+)`", rest.partition("<!-- end -->")[0])
    assert len(rows) > 10
    missing = [f"{file}: {name}" for file, name in rows if name not in names_in(file)]
    assert missing == [], "make architecture"
