"""Growing batches against runs whose batch size is changed on the way."""

from itertools import pairwise

import torch

from landscape_core.foundation.registry import from_plain
from landscape_core.training.run import Run, Training, train
from landscape_core.training.samplers.growing_batch import GrowingBatch
from landscape_core.training.samplers.shuffled import Shuffled

PLAIN = {
    "problem": {"kind": "supervised", "dataset": {"kind": "moons", "points": 60}},
    "batch_size": 6,
    "steps": 26,
    "dtype": "float64",
}


def test_a_run_is_that_with_a_batch_size_changed_after_each_period():
    run = from_plain(Run, PLAIN).replace(sampler=GrowingBatch(period=1, multiple=2.5))
    states = list(train(run))
    plain = run.replace(sampler=Shuffled())
    training = Training(plain)
    state = training.start()
    for after in states[1:]:
        size = min(60, round(6 * 2.5 ** (state.seen // 60)))
        state = training.advance(state, plain.replace(batch_size=size))
        assert state.seen == after.seen
        assert torch.equal(state.theta, after.theta)
    sizes = {after.seen - state.seen for state, after in pairwise(states)}
    assert sizes == {6, 15, 38, 22, 60}  # 22: the rest of the third epoch


def test_a_factor_of_one_is_reshuffling_and_late_epochs_have_all_examples():
    run = from_plain(Run, PLAIN)
    *_, plain = train(run)
    *_, same = train(run.replace(sampler=GrowingBatch(period=1, multiple=1.0)))
    assert torch.equal(plain.theta, same.theta)
    *_, state = train(run.replace(sampler=GrowingBatch(period=1, multiple=100.0), steps=400))
    assert not state.diverged  # the growth itself would overflow
    assert state.seen == 60 * 391  # ten batches of six, then all examples each
