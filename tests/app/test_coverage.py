"""docs/coverage.md names parts, labs, presets and tours that there are, and is up to date."""

import importlib.util
import json
from pathlib import Path

import pytest

from landscape_core.foundation.kinds import base_of, packages_of_kinds
from landscape_core.foundation.registry import entries
from landscape_core.labs.base import Lab

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("coverage_page", ROOT / "docs" / "coverage.py")
assert SPEC is not None
assert SPEC.loader is not None
coverage_page = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(coverage_page)
ROWS = coverage_page.rows()
CONTENT = coverage_page.CONTENT


@pytest.fixture(scope="module")
def parts():
    """The names of all parts, each below that of its kind."""
    return {
        f"{kind}/{name}"
        for kind in packages_of_kinds()
        for name in entries(base_of(kind)).shipped()
    }


def test_each_thing_has_a_part_or_a_reason_and_no_other_twin():
    assert all(bool(row.parts) != bool(row.left_out) for row in ROWS)
    assert len({(row.source, row.item) for row in ROWS}) == len(ROWS)


def test_parts_are_those_of_the_catalogue_or_files_of_the_code(parts):
    named = {one for row in ROWS for one in row.parts}
    files = {one.partition("/")[2] for one in named if one.startswith("code/")}
    assert {one for one in named if not one.startswith("code/")} <= parts
    assert all((ROOT / file).exists() for file in files)


def test_what_shows_it_is_there():
    known = {f"lab/{name}" for name in entries(Lab).shipped()}
    known |= {f"preset/{file.stem}" for file in (CONTENT / "presets").glob("*.yaml")}
    known |= {f"tour/{file.stem}" for file in (CONTENT / "tours").glob("*.md")}
    assert {one for row in ROWS for one in row.shown} <= known
    assert {f"lab/{name}" for name in entries(Lab).shipped()} <= {
        one for row in ROWS for one in row.shown
    }


def test_the_page_is_what_the_rows_and_verdicts_say():
    told = json.loads(coverage_page.VERDICTS.read_text(encoding="utf-8"))
    assert coverage_page.PAGE.read_text(encoding="utf-8") == coverage_page.page(ROWS, told)
