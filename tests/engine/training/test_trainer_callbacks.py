"""Recording in the trainers of Lightning and of transformers, and in plain ones like them."""

import copy
import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

import cases
import landscape_core as lc
from landscape_core.foundation.errors import MissingPackageError, SpecError
from landscape_core.storage.recorded_projection import recorded
from landscape_core.storage.recorded_states import recorded_states

BATCHES = 5


def network():
    layers = [nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 3)]
    return cases.filled(nn.Sequential(*layers)).float()


def batches():
    inputs, targets = cases.vectors(40)
    return DataLoader(TensorDataset(inputs.float(), targets), batch_size=8)


class Own:
    """The training of one network in a plain loop, as the trainers do it."""

    def __init__(self, model, accumulated=1):
        self.model, self.accumulated = model, accumulated
        self.states, self.steps = [copy.deepcopy(model.state_dict())], 0

    def __iter__(self):
        optimizer = torch.optim.SGD(self.model.parameters(), 0.2)
        for number, (inputs, targets) in enumerate(batches(), 1):
            cross_entropy(self.model.train()(inputs), targets).backward()
            if number % self.accumulated == 0:
                optimizer.step()
                optimizer.zero_grad()
                self.steps += 1
                self.states.append(copy.deepcopy(self.model.state_dict()))
            yield number


@pytest.fixture
def packages(monkeypatch):
    """Stand-ins for both packages: base classes that do nothing."""
    for name, base in (("lightning.pytorch", "Callback"), ("transformers", "TrainerCallback")):
        module = ModuleType(name)
        setattr(module, base, type(base, (), {}))
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setitem(sys.modules, "lightning", ModuleType("lightning"))


def fit(callback, trained, training, *, zero=True, fails=False, change=None):
    """What Lightning's trainer calls."""
    trainer = SimpleNamespace(global_step=0, is_global_zero=zero)
    callback.on_train_start(trainer, trained)
    for number in training:
        trainer.global_step = training.steps
        if fails and number == BATCHES - 1:
            callback.on_exception(trainer, trained, KeyboardInterrupt())
            return
        callback.on_train_batch_end(trainer, trained, None, None, number)
    if change is not None:
        change()
    callback.on_train_end(trainer, trained)


def train(callback, trained, training, *, zero=True, change=None):
    """What the trainer of transformers calls."""
    state = SimpleNamespace(global_step=0, is_world_process_zero=zero)
    control = SimpleNamespace(should_training_stop=False)
    callback.on_train_begin(None, state, control, model=trained, optimizer=None)
    for number in training:
        if training.steps > state.global_step:
            state.global_step = training.steps
            control.should_training_stop = number == BATCHES and change is None
            callback.on_step_end(None, state, control, model=trained)
    if change is not None:
        change()
    callback.on_train_end(None, state, control, model=trained)


def same(found, states, steps):
    assert found.steps.tolist() == steps
    for at, step in enumerate(steps):
        assert found[at].keys() == states[step].keys()
        assert all(torch.equal(found[at][name], one) for name, one in states[step].items())


@pytest.mark.parametrize("way", ["lightning", "transformers"])
@pytest.mark.parametrize("accumulated", [1, 2])
def test_the_states_are_those_after_the_steps_of_the_optimizer(
    tmp_path, packages, way, accumulated
):
    model = network()
    whole = nn.ModuleDict({"net": model, "other": nn.Linear(2, 2)})
    training = Own(model, accumulated)
    recorder = lc.record(model, every=2, file=tmp_path / "run.nc")
    if way == "lightning":
        fit(recorder.lightning_callback(), whole, training)
    else:
        train(recorder.transformers_callback(), whole, training)
    steps = [0, 2, 4, 5] if accumulated == 1 else [0, 2]
    same(recorded_states(tmp_path / "run.nc"), training.states, steps)
    assert not recorder.is_open


@pytest.mark.parametrize("way", ["lightning", "transformers"])
def test_projections_are_of_the_states_after_the_steps(tmp_path, packages, way):
    model = network()
    training = Own(model)
    recorder = lc.record(model, every=2, file=tmp_path / "run.nc", projection=12)
    if way == "lightning":
        fit(recorder.lightning_callback(), model, training)
    else:
        train(recorder.transformers_callback(), model, training)
    found = recorded(tmp_path / "run.nc")
    assert found.steps.tolist() == [0, 2, 4, 5]
    names = [name for name, _ in model.named_parameters()]
    for row, step in zip(found.rows, found.steps, strict=True):
        tensors = [training.states[step][name] for name in names]
        assert row.tolist() == found.projection.of_tensors(tensors).tolist()


@pytest.mark.parametrize("way", ["lightning", "transformers"])
def test_a_state_that_is_loaded_at_the_end_is_not_the_last(tmp_path, packages, way):
    model = network()
    training = Own(model)
    recorder = lc.record(model, every=2, file=tmp_path / "run.nc")

    def best():
        model.load_state_dict(training.states[1])

    if way == "lightning":
        fit(recorder.lightning_callback(), model, training, change=best)
    else:
        train(recorder.transformers_callback(), model, training, change=best)
    same(recorded_states(tmp_path / "run.nc"), training.states, [0, 2, 4])


def test_after_an_exception_what_is_recorded_is_written(tmp_path, packages):
    model = network()
    training = Own(model)
    recorder = lc.record(model, every=2, file=tmp_path / "run.nc")
    fit(recorder.lightning_callback(), model, training, fails=True)
    same(recorded_states(tmp_path / "run.nc"), training.states, [0, 2])
    training = Own(model)

    def broken():
        raise RuntimeError("no")

    callback = recorder.transformers_callback()
    with pytest.raises(RuntimeError, match="no"), recorder:
        train(callback, model, training, change=broken)
    same(recorded_states(tmp_path / "run.nc"), training.states, [0, 2, 4])


@pytest.mark.parametrize("way", ["lightning", "transformers"])
def test_other_processes_write_nothing_and_another_network_is_refused(tmp_path, packages, way):
    model = network()
    recorder = lc.record(model, file=tmp_path / "run.nc")
    run = fit if way == "lightning" else train
    run(getattr(recorder, f"{way}_callback")(), model, Own(model), zero=False)
    assert not (tmp_path / "run.nc").exists()
    with pytest.raises(SpecError, match="model must be the network that is trained"):
        run(getattr(recorder, f"{way}_callback")(), network(), Own(model))


def test_a_network_that_is_divided_among_processes_is_refused(tmp_path, packages, monkeypatch):
    module = ModuleType("torch.distributed.tensor")
    module.DTensor = type("DTensor", (nn.Parameter,), {})
    monkeypatch.setitem(sys.modules, "torch.distributed.tensor", module)
    model = network()
    recorder = lc.record(model, file=tmp_path / "run.nc")
    model[0].bias = module.DTensor(torch.zeros(4))
    with pytest.raises(SpecError, match="divided among processes"):
        fit(recorder.lightning_callback(), model, Own(model))
    model[0].bias = nn.Parameter(torch.zeros(4))
    fit(recorder.lightning_callback(), model, Own(model))
    assert len(recorded_states(tmp_path / "run.nc")) == 6


@pytest.mark.parametrize("way", ["lightning", "transformers"])
def test_a_package_that_is_not_installed_is_named(tmp_path, monkeypatch, way):
    for name in ("lightning", "lightning.pytorch", "pytorch_lightning", "transformers"):
        monkeypatch.setitem(sys.modules, name, None)  # which cannot be imported then
    recorder = lc.record(network(), file=tmp_path / "run.nc")
    with pytest.raises(MissingPackageError, match=f"pip install {way}"):
        getattr(recorder, f"{way}_callback")()


@pytest.mark.filterwarnings("ignore")  # of other packages
def test_the_trainer_of_lightning_records(tmp_path):
    lightning = pytest.importorskip("lightning.pytorch")

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = network()
            self.states = [copy.deepcopy(self.net.state_dict())]

        def training_step(self, batch, _):
            return cross_entropy(self.net(batch[0]), batch[1])

        def on_train_batch_end(self, *_):
            self.states.append(copy.deepcopy(self.net.state_dict()))

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.2)

    module = Module()
    recorder = lc.record(module.net, every=3, file=tmp_path / "run.nc")
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = lightning.Trainer(
        max_epochs=2, accelerator="cpu", callbacks=[recorder.lightning_callback()], **quiet,
        enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, batches())
    same(recorded_states(tmp_path / "run.nc"), module.states, [0, 3, 6, 9, 10])


@pytest.mark.filterwarnings("ignore")  # of other packages
def test_the_trainer_of_transformers_records(tmp_path):
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = network()

        def forward(self, inputs, labels):
            outputs = self.net(inputs)
            return {"loss": cross_entropy(outputs, labels), "logits": outputs}

    inputs, targets = cases.vectors(40)
    rows = [
        {"inputs": one, "labels": int(target)}
        for one, target in zip(inputs.float(), targets, strict=True)
    ]
    model = Model()
    states = [copy.deepcopy(model.state_dict())]

    class Beside(transformers.TrainerCallback):
        def on_step_end(self, args, state, control, model=None, **_):
            states.append(copy.deepcopy(model.state_dict()))

    recorder = lc.record(model, every=4, file=tmp_path / "run.nc")
    arguments = transformers.TrainingArguments(
        str(tmp_path), max_steps=6, per_device_train_batch_size=8, report_to=[], use_cpu=True,
        disable_tqdm=True, save_strategy="steps", save_steps=2, eval_strategy="steps",
        eval_steps=2, load_best_model_at_end=True, metric_for_best_model="loss",
        greater_is_better=True,
    )  # fmt: skip
    trainer = transformers.Trainer(
        model=model, args=arguments, train_dataset=rows, eval_dataset=rows,
        callbacks=[Beside(), recorder.transformers_callback()],
    )  # fmt: skip
    trainer.train()
    same(recorded_states(tmp_path / "run.nc"), states, [0, 4, 6])
    if len(lc.checkpoints(tmp_path / "checkpoint-*")) == 3:
        found = lc.checkpoints(tmp_path / "checkpoint-*")
        assert all(torch.equal(found[1][name], one) for name, one in states[4].items())
