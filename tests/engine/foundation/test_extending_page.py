"""The tutorial docs/extending.md: its code runs, its files are tested, its messages are real."""

import re
import sys
import tomllib
import types
import warnings
from pathlib import Path

import pytest

import foreign
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.kinds import base_of
from landscape_core.foundation.registry import entries, find
from landscape_core.training.optimizers.base import Optimizer

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "extending.md").read_text("utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.S | re.M)
NOTEBOOK, PACKAGE, WRONG = (
    PAGE.index(f"## {title}\n")
    for title in ("In a notebook", "In a package", "When something is wrong")
)
IN_PACKAGE = PAGE.index("### In a package\n", WRONG)


def pairs(text):
    """Each block of code with the message that follows it."""
    blocks = FENCE.findall(text)
    return [(code, told) for (_, code), (kind, told) in zip(blocks[::2], blocks[1::2], strict=True)]


def lined(message):
    """A message as the page breaks it."""
    return " ".join(message.split())


@pytest.fixture
def notebook(monkeypatch):
    """What a notebook has defined that ran the cells of the page."""
    main = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    for kind, code in FENCE.findall(PAGE[NOTEBOOK:PACKAGE]):
        if kind == "python":
            exec(code, vars(main))
    return main


def message_in_notebook(code, main):
    with warnings.catch_warnings(action="ignore"), pytest.raises(SpecError) as caught:
        exec(code, vars(main))
    return str(caught.value)


def message_in_package(name, value, folder):
    """The error of a part of a package `my-parts`, or the warning where the name is another's."""
    foreign.install(folder)
    Path(folder, "my_parts.py").write_text("from foreign_parts.signum import Signum\n")
    foreign.describe(folder, "my-parts", {"landscape_lab.optimizers": {name: value}})
    with foreign.on_path(folder), warnings.catch_warnings(record=True, action="always") as caught:
        list(entries(Optimizer))
        try:
            find(Optimizer, name)
        except SpecError as error:
            return str(error)
    return str(caught[0].message)


def test_the_cells_of_the_notebook_run(notebook):
    assert find(Optimizer, "Halving") is notebook.Halving


def test_the_files_of_the_package_are_those_that_are_tested():
    files = dict(
        re.match(r"# (\S+)\n(.*)", code, re.S).groups()
        for _, code in FENCE.findall(PAGE[PACKAGE:WRONG])
        if code.startswith("# ")
    )
    assert len(files) == 8
    for name, text in files.items():
        assert text == (foreign.SOURCE / name).read_text("utf-8"), name


def test_the_groups_of_the_page_are_those_of_the_kinds():
    groups = re.findall(
        r"^\| `landscape_lab\.(\w+)` \| .*?`(?:landscape_core\.)?(\w+)`", PAGE, re.M
    )
    assert len(groups) == 7
    for kind, base in groups:
        assert base in (base_of(kind).__name__, "OutputMeasure")


@pytest.mark.parametrize("at", range(len(pairs(PAGE[WRONG:IN_PACKAGE]))))
def test_a_message_of_a_notebook_is_that_of_the_page(at, notebook):
    code, told = pairs(PAGE[WRONG:IN_PACKAGE])[at]
    assert lined(message_in_notebook(code, notebook)) == lined(told)


@pytest.mark.parametrize("at", range(len(pairs(PAGE[IN_PACKAGE:]))))
def test_a_message_of_a_package_is_that_of_the_page(at, tmp_path):
    code, told = pairs(PAGE[IN_PACKAGE:])[at]
    ((name, value),) = tomllib.loads(code).items()
    assert lined(message_in_package(name, value, tmp_path)) == lined(told)
