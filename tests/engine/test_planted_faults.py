"""Faults put into the engine on purpose: each is found by what compares it with the plain loop.

A fault counts as found where an answer differs from the plain reference, or where the engine itself
says that something is wrong. Without a fault the same questions find nothing.
"""

from dataclasses import replace

import pytest
import torch
from jaxtyping import config

import landscape_core as lc
from agreement import answered, excused, judged, way_of
from dice import Dice
from faults import FAULTS
from random_networks import alone
from twins import MAKERS

pytestmark = pytest.mark.exhaustive

SEED = 32
"""Of all questions here."""

NORMAL = 35
"""The seed of a normalization by which no strategy is misled."""

CASES = {
    "linear": {"marks": frozenset({"sequence"})},
    "frozen parameters": {"marks": frozenset({"sequence"})},
    "batch normalization": {"marks": frozenset({"sequence"})},
    "tied parameters": {"marks": frozenset({"sequence", "training mode"})},
    "own subclass of a layer": {"marks": frozenset({"sequence"})},
    "own subclass of an activation": {"marks": frozenset({"sequence"})},
    "forward replaced": {"marks": frozenset({"sequence"})},
    "hook": {"marks": frozenset({"sequence"})},
    "skip": {},
    "dropout": {"marks": frozenset({"own forward", "training mode"})},
    "mean over examples": {},
    "attention across examples": {},
    "spectral norm": {},
    "tuple": {"loss": "squared error"},
    "batches": {},
    "uneven batches": {"loss": "cross-entropy, sum", "marks": frozenset({"sequence"})},
    "cross-entropy, own subclass": {"marks": frozenset({"sequence"})},
    "cross-entropy, smoothed": {"marks": frozenset({"sequence"})},
    "no number at some points": {"marks": frozenset({"sequence"})},
    "too large": {},
    "contrastive": {},
}
"""The questions, by the kind that is special, and what else is chosen."""


@pytest.fixture(autouse=True)
def _as_outside_the_tests(monkeypatch):
    """Without checks of types, which are slow and draw from Python's generator."""
    monkeypatch.setattr(config, "jaxtyping_disable", True)


def cases():
    """The fixed draws."""
    for kind, others in CASES.items():
        yield asked_of(kind, **others)
    normal = alone("normalization", Dice(NORMAL), NORMAL, marks=frozenset({"sequence"}))
    yield replace(normal, slopes=False, kinds=frozenset({"a LayerNorm that is understood"}))
    yield replace(asked_of("tied parameters"), slopes=True)
    for name in ("batch", "reestimated"):
        chain = frozenset({"sequence"})
        yield asked_of("batch normalization", marks=chain, options=(("batch_norm", name),))
    yield asked_of("linear", dtype=torch.float32)
    for kind in ("torch random", "running mean by hand", "in place on the inputs"):
        yield asked_of(kind)


def asked_of(kind, **others):
    """The fixed draw in which a kind is special; the loss alone is read."""
    return replace(alone(kind, Dice(SEED), SEED, **others), slopes=False)


WAYS = {
    "plane algebra": {"plane_algebra"},
    "chains": {"plane_algebra", "shared_layers", "default"},
    "shared layers": {"shared_layers"},
    "vmap": {"vmap"},
    "losses": {"default", "plane_algebra"},
    "plain": {"loop", "loop in blocks"},
    "key": set(),
    "store": set(),
}
"""Which ways of asking may show a fault, by what its name begins with; by default the usual one."""

TRUSTED = {"default", "loop", "plane_algebra", "shared_layers"}
"""Ways whose refusals say something; `vmap` gives up on what it cannot batch."""


def found_by(ways, folder):
    """What is found with the engine as it is now, until something is."""
    for number, case in enumerate(cases() if ways else ()):
        verdict = judged(case, lc.Store(folder / str(number)), only=ways, stored={"default"})
        wrong = [d for d in verdict.disagreements if d.what != "error" or d.way in TRUSTED]
        heard = [text for text in verdict.notices if not excused(case, way_of(text))]
        if wrong or heard:
            return f"{case}: {wrong} {heard}"
    for difference, make in MAKERS.items() if not ways or "default" in ways else ():
        store = lc.Store(folder / difference)
        for question in make():
            verdict = answered(question, store)
            if verdict.found:
                return f"{difference}: {verdict}"
    return ""


def test_without_a_fault_nothing_is_found(tmp_path):
    assert not found_by({*TRUSTED, "vmap", "loop in blocks"}, tmp_path)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault, monkeypatch, tmp_path):
    FAULTS[fault](monkeypatch)
    assert found_by(WAYS.get(fault.partition(":")[0], {"default", "loop"}), tmp_path)


def test_thirty_faults_are_planted():
    assert len(FAULTS) >= 30
