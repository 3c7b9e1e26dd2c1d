"""Conventions that hold for all code: the tree of tests, waiting, and private names."""

import ast
import re
from pathlib import Path

import pytest

from private_access import accesses, private_names

ROOT = Path(__file__).resolve().parents[1]
SOURCES = {ROOT / "landscape_core": ROOT, ROOT / "app/landscape_lab": ROOT / "app"}
TESTS = ROOT / "tests"

WAITING = {"tests/support/waiting.py"}
"""The one file that may sleep."""

BETWEEN_LOOKS = {"tests/support/browser_support.py"}
"""Where a browser's page lives on between two looks at a condition."""

FOREIGN = {"_apply", "_buffers", "_handle_msg", "_make", "_modules", "_send_msg", "_version"}
"""Names of PyTorch, Panel and Python that have no public form, though our source has such, too."""

PRIVATE = private_names(SOURCES) - FOREIGN


@pytest.mark.parametrize(
    ("tests", "package"), [("engine", "landscape_core"), ("app", "app/landscape_lab")]
)
def test_each_folder_of_tests_is_that_of_a_package(tests, package):
    folders = {path.parent for path in (TESTS / tests).rglob("test_*.py")} - {TESTS / tests}
    for folder in folders:
        inside = ROOT / package / folder.relative_to(TESTS / tests)
        assert (inside / "__init__.py").is_file(), f"{folder} tests no package of {package}"


def test_no_test_waits_for_a_fixed_time():
    found = []
    for file in sorted(TESTS.rglob("*.py")):
        name = str(file.relative_to(ROOT))
        for node in ast.walk(ast.parse(file.read_bytes())):
            match node:
                case ast.Call(args=[ast.Constant(value=0)]):
                    pass  # `asyncio.sleep(0)` lets others go on, and takes no time
                case ast.Call(func=ast.Attribute(attr="sleep") | ast.Name(id="sleep")):
                    found += [f"{name}:{node.lineno} sleep"] * (name not in WAITING)
                case ast.Call(func=ast.Attribute(attr="wait_for_timeout")):
                    found += [f"{name}:{node.lineno} wait_for_timeout"] * (
                        name not in BETWEEN_LOOKS
                    )
                case ast.Constant(value=str(text)) if re.search(r"\btime\.sleep\(", text):
                    found += [f"{name}:{node.lineno} sleep, in a program"]
    assert found == []


@pytest.mark.parametrize("folder", [*SOURCES, TESTS], ids=lambda folder: folder.name)
def test_no_module_uses_the_private_names_of_another(folder):
    root = SOURCES.get(folder, ROOT)
    found = [use for file in folder.rglob("*.py") for use in accesses(file, root, PRIVATE)]
    assert [str(use) for use in sorted(found)] == []
