"""All that is said of a network, against a plain loop over the user's own module.

Random networks of every habit that people have, random losses and forms of data, each asked in all
ways there are; and a table that names the kinds one by one.
"""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from jaxtyping import config

import landscape_core as lc
from agreement import answered, bent, deviation, judged, ways
from dice import Dice
from random_losses import LOSSES
from random_networks import (
    BATCH_NORM,
    DATA,
    DRAWING,
    INPUTS,
    MARKS,
    OUTPUTS,
    REMEMBERING,
    alone,
    chosen,
    draw,
)
from random_pieces import PIECES
from twins import MAKERS

DRAWS = 2000
"""Draws in all."""

FEW = 60
"""Draws where time is short."""

CHUNK = 100
"""Draws in one test."""

KINDS = (*PIECES, *LOSSES, *INPUTS, *OUTPUTS, *DATA, *MARKS)


@pytest.fixture(autouse=True)
def _as_outside_the_tests(monkeypatch):
    """Without checks of types, which are slow and draw from Python's generator."""
    monkeypatch.setattr(config, "jaxtyping_disable", True)


def agreed(*cases):
    """Fail with what is wrong with some cases and what came of them, a line each."""
    lines = []
    for case, verdict in cases:
        if verdict.disagreements:
            lines.append(str(case))
            lines += [f"    {one.way}: {one.what}: {one.text}" for one in verdict.disagreements]
    if lines:
        pytest.fail("\n".join(lines), pytrace=False)


def tried(seeds, folder):
    """The cases of seeds and what came of them, by default and in one other way.

    A kind of piece meets another way each time it comes round. Every fifth case is asked with a
    store, twice.
    """
    for seed in seeds:
        case, other = draw(seed), other_way(seed + seed // len(PIECES))
        store = lc.Store(folder / str(seed)) if seed % 5 == 0 else None
        yield case, judged(case, store, only={"default", other})


def other_way(number):
    """One of the ways of asking beside the default."""
    others = [name for name in ways() if name not in ("default", "cuda_graph")]
    return others[number % len(others)]


def one_way(number):
    """The default way of asking or, for every other number, one of the others in turn."""
    return other_way(number // 2) if number % 2 else "default"


def test_a_few_random_networks_have_the_values_of_the_plain_loop():
    cases = ((seed, draw(seed)) for seed in range(FEW))
    agreed(*((case, judged(case, only={one_way(seed)})) for seed, case in cases))


@pytest.mark.exhaustive
@pytest.mark.parametrize("first", range(0, DRAWS, CHUNK))
def test_random_networks_have_the_values_of_the_plain_loop(first, tmp_path):
    agreed(*tried(range(first, first + CHUNK), tmp_path))


def test_every_kind_is_drawn_twenty_times():
    counts = Counter(kind for seed in range(DRAWS) for kind in chosen(Dice(seed), seed).kinds)
    wanted = [*KINDS, *(f"batch_norm {name}" for name in BATCH_NORM), "dtype float64"]
    assert {kind: counts[kind] for kind in wanted if counts[kind] < 20} == {}


def test_a_draw_is_the_same_each_time_and_moves_no_global_generator():
    before = torch.get_rng_state(), repr(np.random.get_state())
    one, other = draw(11), draw(11)
    assert one.kinds == other.kinds
    assert torch.equal(one.origin, other.origin)
    first, second = (case.make()[0].state_dict() for case in (one, other))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == repr(np.random.get_state())


@pytest.mark.parametrize("kind", KINDS)
def test_one_kind_alone_has_the_values_of_the_plain_loop(kind, tmp_path):
    seed = KINDS.index(kind)
    case = replace(alone(kind, Dice(seed), seed), resolution=3)
    agreed((case, judged(case, lc.Store(tmp_path), only={one_way(seed)}, stored={"default"})))


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", KINDS)
def test_one_kind_alone_has_the_values_of_the_plain_loop_in_all_ways(kind, tmp_path):
    case = alone(kind, Dice(7), 7)
    agreed((case, judged(case, lc.Store(tmp_path))))


ROWS = {
    "float32": {"dtype": torch.float32},
    "float32 computed in float64": {
        "dtype": torch.float32,
        "options": (("dtype", torch.float64),),
    },
    "batch normalization by the batch": {
        "pieces": ("batch normalization",),
        "options": (("batch_norm", "batch"),),
    },
    "batch normalization estimated anew": {
        "pieces": ("batch normalization", "linear"),
        "options": (("batch_norm", "reestimated"),),
    },
    "a chain, summed": {"marks": frozenset({"sequence"}), "loss": "cross-entropy, sum"},
    "a chain, contrastive": {"marks": frozenset({"sequence"}), "loss": "contrastive"},
    "uneven batches, some ignored": {
        "form": "uneven batches",
        "loss": "cross-entropy, some ignored",
    },
    "tokens to three dimensions": {
        "inputs": "integers",
        "outputs": "three dimensions",
        "loss": "cross-entropy, each",
    },
}
"""Rows of the table in which several choices meet."""


def test_statistics_estimated_by_a_network_that_writes_to_its_inputs(tmp_path):
    case = alone(
        "batch normalization",
        Dice(8),
        8,
        marks=frozenset({"own forward", "in place on the inputs"}),
        options=(("batch_norm", "reestimated"),),
    )
    agreed((case, judged(case, only={"default", "loop"})))


@pytest.mark.parametrize("row", ROWS)
def test_choices_together_have_the_values_of_the_plain_loop(row, tmp_path):
    case = alone("linear", Dice(8), 8, **{"loss": "squared error", **ROWS[row]})
    few = {"default", "plane_algebra", "loop in blocks"}
    verdict = judged(case, lc.Store(tmp_path), only=few, stored={"default"})
    agreed((case, verdict))


@pytest.mark.exhaustive
@pytest.mark.parametrize("piece", PIECES)
def test_each_piece_with_some_losses_and_forms_of_data(piece, tmp_path):
    rows, at = [], list(PIECES).index(piece)
    for i, loss in list(enumerate(LOSSES))[at % 5 :: 5]:
        form, seed = DATA[i % len(DATA)], 100 + i
        if form == "one example" and "normalization" in piece:
            continue
        marks = frozenset({MARKS[0] if i % 2 else "own forward"})
        case = alone(piece, Dice(seed), seed, loss=loss, form=form, marks=marks)
        store = lc.Store(tmp_path / str(i)) if i % 2 else None
        rows.append((case, judged(case, store, only={"default", other_way(at + i)})))
    agreed(*rows)


@pytest.mark.parametrize("difference", MAKERS)
def test_a_slice_that_is_kept_is_not_taken_for_that_of_its_twin(difference, tmp_path):
    store = lc.Store(tmp_path)
    for question in MAKERS[difference]():
        verdict = answered(question, store)
        assert not verdict.disagreements, verdict


@pytest.mark.parametrize("kind", [*sorted(DRAWING), *sorted(REMEMBERING)])
def test_a_line_has_the_values_of_the_plane_in_which_it_lies(kind):
    case = alone(kind, Dice(9), 9)
    module, loss = case.make()
    axes = Dice(10).normal(2, len(case.origin)) / 4
    slices = [
        lc.landscape(
            module, loss, case.data(), directions=lc.Plane(case.origin, some), resolution=3
        )
        for some in (axes, axes[:1])
    ]
    plane, line = (one["loss"].values[0] for one in slices)
    assert deviation(line, plane[1]) <= 1e-9


BENT = [kind for kind in KINDS if kind not in DRAWING]
"""Kinds of which the curvature is known without random numbers."""

UNSEEN = "a trial of two points does not see that a parameter in a list decides on the way taken"
RAW = "what torch cannot differentiate twice ends in torch's own error"

NOT_YET: dict[str, str] = {}
"""Kinds whose curvature is not right yet, and why."""


def marked(kinds):
    """The kinds as parameters of a test, those not right yet expected to fail."""
    return [pytest.param(kind, marks=expected_to_fail(kind)) for kind in kinds]


def expected_to_fail(kind):
    reason = NOT_YET.get(kind)
    return [pytest.mark.xfail(strict=True, reason=reason)] if reason else []


@pytest.mark.parametrize("kind", marked(BENT[::12]))
def test_curvature_of_one_kind_is_that_of_the_dense_matrix(kind):
    loss = {"loss": "one example counts double"} if kind in PIECES else {}
    case = alone(kind, Dice(7), 7, **loss)
    verdict = bent(case)
    agreed((case, verdict))


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", marked(BENT))
def test_curvature_of_every_kind_is_that_of_the_dense_matrix(kind):
    loss = {"loss": "one example counts double"} if kind in PIECES else {}
    case = alone(kind, Dice(7), 7, **loss)
    verdict = bent(case)
    agreed((case, verdict))


@pytest.mark.exhaustive
@pytest.mark.parametrize("first", range(0, DRAWS, 500))
def test_curvature_of_random_networks_is_that_of_the_dense_matrix(first):
    cases = (draw(seed) for seed in range(first, first + 500, 25))
    known = (case for case in cases if not case.kinds & (DRAWING | NOT_YET.keys()))
    agreed(*((case, bent(case)) for case in known))


class Failing(torch.nn.Module):
    """A layer that gives up where its weight is large."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 3).double()
        with torch.no_grad():
            self.layer.weight.fill_(0.5)
            self.layer.bias.fill_(0.1)
        self.register_buffer("calls", torch.tensor(0))

    def forward(self, values):
        self.calls += 1
        if float(self.layer.weight.sum()) > 5:
            raise ArithmeticError("too large")
        return self.layer(values)


@pytest.mark.parametrize("strategy", [None, *lc.strategies()])
def test_an_error_on_the_way_leaves_all_as_it_was(strategy):
    module = Failing().train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    random_state = torch.get_rng_state()
    data = Dice(1).normal(5, 3), Dice(2).normal(5, 3)
    plane = lc.Plane(torch.full((12,), 0.5).double(), torch.full((1, 12), 0.3).double())
    with pytest.raises((ArithmeticError, lc.LandscapeError)):
        lc.landscape(
            module, torch.nn.functional.mse_loss, data, directions=plane, strategy=strategy
        )
    assert module.training
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert torch.equal(random_state, torch.get_rng_state())
