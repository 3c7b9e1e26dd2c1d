"""Claims of papers hold at a small size, and the exact ones exactly.

All five seeds at full size are in `benchmarks/reproduce.py`; here each claim is tried on a seed
that is not among those.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))


import reproduce
import reproduce_parts

SEED = 7

pytestmark = pytest.mark.usefixtures("unchecked")


def test_a_curve_joins_minima_of_two_starts_that_a_line_does_not():
    found = reproduce.connected(SEED, steps=300, bend=600)
    assert found["straight"] >= 0.2
    assert found["curve"] < 0.1 * found["straight"]


@pytest.mark.slow
def test_ends_and_barriers_without_and_with_skips_are_told():
    found = reproduce.skips(SEED, steps=100)
    assert found["without"]["loss"] > found["with"]["loss"]
    (section,) = reproduce.report_skips([found] * 5)
    assert section[0].startswith("Skips lower the barrier")


def test_a_claim_that_fails_on_more_than_one_seed_is_not_reproduced():
    held = ([True] * 5, [True] * 4 + [False], [True] * 3 + [False] * 2)
    assert [reproduce.status(each) for each in held] == ["PASS", "PARTIAL", "NOT REPRODUCED"]


def test_every_claim_about_a_part_is_tried_and_told():
    modules = reproduce_parts.claims()
    assert modules
    for module in modules.values():
        assert callable(module.work)
        assert callable(module.report)


def test_coordinates_and_acceleration_save_what_theory_says():
    convex = reproduce_parts.claims()["convex"]
    sections = convex.report([convex.work(SEED)])
    assert [status for _, status, _ in sections] == ["PASS", "PASS"]
