"""Training as a stream: reproducible, held and continued, thinned, honest about divergence."""

import hashlib
import os
import pickle
import subprocess
import sys

import pytest
import torch

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.registry import from_plain
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.optimizers.sgd import SGD
from landscape_core.training.recorder import Recorder
from landscape_core.training.run import Run, State, Training, train


def run_of(**changes):
    plain = {"problem": {"kind": "supervised", "dataset": {"kind": "moons", "points": 60}}}
    return from_plain(Run, plain | {"batch_size": 16, "steps": 20} | changes)


RESNET = {
    "kind": "supervised",
    "dataset": {"kind": "digits", "points": 100, "shape": "images"},
    "architecture": {"kind": "resnet", "depth": 2, "channels": 4},
}

FINGERPRINT = """
import hashlib, torch
from landscape_core.foundation.registry import from_plain
from landscape_core.training.run import Run, train
torch.set_num_threads(1)
run = from_plain(Run, {"optimizer": "adam", "batch_size": 32, "steps": 50, "seed": 7})
digest = hashlib.sha256()
for state in train(run):
    digest.update(state.theta.numpy().tobytes())
print(digest.hexdigest())
"""


def test_two_processes_make_the_same_trajectory_bit_for_bit():
    def fingerprint():
        env = {**os.environ, "PYTHONHASHSEED": "random"}
        command = [sys.executable, "-c", FINGERPRINT]
        return subprocess.run(command, capture_output=True, text=True, env=env, check=True).stdout

    first, second = fingerprint(), fingerprint()
    assert len(first.strip()) == len(hashlib.sha256().hexdigest())
    assert first == second


def test_another_seed_makes_another_trajectory():
    ends = [list(train(run_of(seed=seed)))[-1].theta for seed in (0, 1)]
    assert not torch.equal(*ends)


def test_a_run_held_pickled_and_continued_goes_the_same_way():
    run = run_of(optimizer="adam")
    whole = [state.theta for state in train(run)]
    training = Training(run)
    state = training.start()
    for _ in range(8):
        state = training.advance(state)
    again = Training(run)
    state = pickle.loads(pickle.dumps(state))
    while state.index < run.steps:
        state = again.advance(state)
    assert torch.equal(state.theta, whole[-1])


def test_the_learning_rate_changes_without_a_reset():
    run = run_of(optimizer={"kind": "sgd", "learning_rate": 0.1})
    training = Training(run)
    state = training.advance(training.start())
    slow = training.advance(state, run.replace(optimizer=SGD(learning_rate=0.01)))
    fast = training.advance(state, run.replace(optimizer=SGD(learning_rate=0.1)))
    ratio = (fast.theta - state.theta).norm() / (slow.theta - state.theta).norm()
    assert float(ratio) == pytest.approx(10.0, rel=1e-4)


def test_a_diverging_run_stops_and_keeps_its_last_finite_point():
    run = run_of(optimizer={"kind": "sgd", "learning_rate": 100.0}, steps=500)
    run = run.replace(problem=run.problem.replace(loss=_squared()))
    states = list(train(run))
    assert states[-1].diverged
    assert states[-1].index < 500
    assert states[-1].theta.isfinite().all()
    assert not any(state.diverged for state in states[:-1])


def test_a_batch_larger_than_the_data_is_refused_by_name():
    with pytest.raises(SpecError, match=r"Run\.batch_size .* at most .* 60; got 61") as caught:
        next(train(run_of(batch_size=61)))
    assert caught.value.field == "Run.batch_size"


def test_a_batch_of_one_is_refused_with_batch_normalization():
    with pytest.raises(SpecError, match="at least 2 with batch normalization"):
        next(train(run_of(problem=RESNET, batch_size=1)))


def test_cuda_is_refused_by_name_where_there_is_none():
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(SpecError, match=r"Run\.device"):
        next(train(run_of(device="cuda")))


def test_running_statistics_follow_the_run():
    training = Training(run_of(problem=RESNET, batch_size=50))
    start = training.start()
    after = training.advance(start)
    name = next(name for name in start.buffers if name.endswith("running_mean"))
    assert not torch.equal(start.buffers[name], after.buffers[name])
    again = training.advance(start)
    assert torch.equal(after.buffers[name], again.buffers[name])


@pytest.mark.parametrize("length", [1, 5, 9, 10, 11, 40, 1000])
def test_a_record_stays_within_its_budget_and_evenly_spaced(length):
    recorder = Recorder(run_of(checkpoints=10), size=3)
    for index in range(length):
        recorder.add(State(index, 0, torch.zeros(3), None, {}))
    steps = [entry.state.index for entry in recorder.entries()]
    assert len(steps) <= 11
    assert steps[0] == 0
    assert steps[-1] == length - 1
    assert len(set(torch.tensor(steps[:-1]).diff().tolist())) <= 1
    assert len(steps) >= min(length, 5)


def test_a_record_of_large_networks_is_bounded_by_memory():
    recorder = Recorder(run_of(memory_mb=1, checkpoints=1000), size=2**15)
    assert recorder.budget == 8


def test_a_record_drops_the_optimizer_memory():
    training = Training(run_of(optimizer="adam"))
    assert isinstance(training.run.optimizer, Adam)
    recorder = Recorder(training.run, size=3)
    recorder.add(training.advance(training.start()))
    assert recorder.entries()[0].state.memory is None


def _squared():
    from landscape_core.models.losses.squared_error import SquaredError

    return SquaredError()
