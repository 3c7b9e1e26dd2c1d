"""Checkpoints as training loops write them: read as what they are, or refused with what is wrong.

The reference of every loss is the module itself with the state that was put into the checkpoint.
"""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import cases
import landscape_core as lc
from landscape_core.foundation.errors import (
    FileFormatError,
    MissingDataError,
    PlaneError,
    SpecError,
)
from landscape_core.models.fitting_state import fitting
from landscape_core.models.user_model import user_problem
from landscape_core.slices.one_call import landscape

FEW = {"dimensions": 1, "resolution": 3, "measures": {}}


def plain():
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 3))


def normalized():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 3))


KINDS = {"plain": plain, "normalized": normalized}


def two(kind):
    """Two networks with parameters and statistics of their own."""
    return [cases.filled(KINDS[kind](), seed=seed) for seed in (0, 1)]


def data():
    inputs, targets = cases.vectors(40)
    return inputs.double(), targets


def loss_of(model):
    inputs, targets = data()
    with torch.no_grad():
        return float(cross_entropy(copy.deepcopy(model).eval()(inputs), targets))


def prefixed(prefix, state):
    return {f"{prefix}{name}": value for name, value in state.items()}


def adam(model):
    return torch.optim.Adam(model.parameters()).state_dict()


def averaged(model):
    return torch.optim.swa_utils.AveragedModel(model).state_dict()


LAYOUTS = {
    "plain.pt": lambda m, s: s,
    "data_parallel.pt": lambda m, s: prefixed("module.", s),
    "compiled.pt": lambda m, s: prefixed("_orig_mod.", s),
    "both.pt": lambda m, s: prefixed("module._orig_mod.", s),
    "net_acc_epoch.pth": lambda m, s: {"net": s, "acc": 93.1, "epoch": 20},
    "tutorial.pt": lambda m, s: {
        "epoch": 5,
        "model_state_dict": s,
        "optimizer_state_dict": adam(m),
    },
    "lightning.ckpt": lambda m, s: {
        "state_dict": prefixed("model.", s),
        "epoch": 1,
        "optimizer_states": [adam(m)],
        "hyper_parameters": {"lr": 0.1},
    },
    "lightning_compiled.ckpt": lambda m, s: {"state_dict": prefixed("model._orig_mod.", s)},
    "model_300.t7": lambda m, s: {"state_dict": s, "epoch": 300},
    "checkpoint.pth.tar": lambda m, s: {"state_dict": prefixed("module.", s), "arch": "resnet"},
    "swa.pt": lambda m, s: averaged(m),
    "swa_of_parallel.bin": lambda m, s: {"model": prefixed("module.", averaged(m))},
    "two_deep.pt": lambda m, s: {"state": {"model": s, "lr": 0.1}, "step": 3},
    "twice.pt": lambda m, s: {"model": s, "best_model": copy.deepcopy(s)},
}


def saved(folder, name, model):
    """The file of a layout."""
    torch.save(LAYOUTS[name](model, model.state_dict()), folder / name)
    return folder / name


def by_path(first, path):
    return landscape(first, cross_entropy, data(), path=path, directions="random", **FEW)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", LAYOUTS)
def test_each_layout_gives_the_loss_of_its_network_by_each_way(tmp_path, name, kind):
    first, second = two(kind)
    file = saved(tmp_path, name, second)
    expected = loss_of(second)
    assert abs(expected - loss_of(first)) > 1e-3
    for path in ([torch.load(file)], file, str(file), lc.checkpoints(file), tmp_path):
        found = by_path(first, path)
        np.testing.assert_allclose(found["path_loss"], [expected], rtol=1e-12)
    found = landscape(first, cross_entropy, data(), directions=lc.Between(first=str(file)), **FEW)
    assert float(found["loss"].sel(split="train", alpha=1)) == pytest.approx(expected, rel=1e-12)
    through = lc.Plane.through(first, torch.load(file))
    found = landscape(first, cross_entropy, data(), directions=through, **FEW)
    assert float(found["loss"].sel(split="train", alpha=1)) == pytest.approx(expected, rel=1e-12)


def test_statistics_of_a_checkpoint_are_used_as_those_of_a_plain_state(tmp_path):
    first, second = two("normalized")
    wrapped = saved(tmp_path, "checkpoint.pth.tar", second)
    bare = saved(tmp_path, "plain.pt", second)
    for asked in (None, "running", "reestimated", "batch"):
        found = [
            landscape(
                first,
                cross_entropy,
                data(),
                directions=lc.Between(first=str(file)),
                batch_norm=asked,
                **FEW,
            )
            for file in (wrapped, bare)
        ]
        np.testing.assert_allclose(found[0]["loss"], found[1]["loss"], rtol=1e-12)
        assert found[0].attrs["batch_norm"] == found[1].attrs["batch_norm"]
        told = [
            landscape(
                first,
                cross_entropy,
                data(),
                path=path,
                directions="random",
                batch_norm=asked,
                **FEW,
            )["path_loss"]
            for path in (wrapped, [second.state_dict()])
        ]
        np.testing.assert_allclose(*told, rtol=1e-12)


def test_a_network_whose_own_keys_begin_like_a_prefix_keeps_them(tmp_path):
    class Wrapping(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.model = inner

        def forward(self, inputs):
            return self.model(inputs)

    first, second = (Wrapping(one) for one in two("plain"))
    for state in (second.state_dict(), prefixed("module.", second.state_dict())):
        found = by_path(first, [{"state_dict": state}])
        np.testing.assert_allclose(found["path_loss"], [loss_of(second)], rtol=1e-12)


def test_a_folder_is_a_trajectory_in_the_order_of_its_epochs(tmp_path):
    models = [cases.filled(normalized(), seed=seed) for seed in range(12)]
    for epoch, model in enumerate(models):
        state = prefixed("module.", model.state_dict())
        torch.save({"state_dict": state, "epoch": epoch}, tmp_path / f"model_{epoch}.pth.tar")
    found = landscape(models[-1], cross_entropy, data(), path=tmp_path, resolution=3)
    np.testing.assert_allclose(found["path_loss"], [loss_of(one) for one in models], rtol=1e-12)
    states = [model.state_dict() for model in models]
    expected = landscape(models[-1], cross_entropy, data(), path=states, resolution=3)
    for name in ("path_alpha", "path_beta", "path_distance", "loss"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-12, atol=1e-12)
    some = lc.checkpoints(tmp_path)[::3]
    few = landscape(models[9], cross_entropy, data(), path=some, resolution=3)
    np.testing.assert_allclose(few["path_loss"], found["path_loss"][::3], rtol=1e-12)
    problem = user_problem(models[-1], cross_entropy, data(), path=tmp_path)
    thetas = [nn.utils.parameters_to_vector(one.parameters()).detach() for one in models[:-1]]
    read = problem.build(0, dtype=torch.float64).path
    assert len(read) == len(thetas)
    for one, theta in zip(read, thetas, strict=True):
        assert torch.equal(one.theta, theta)


EMA = {
    "state_dict and ema": lambda one, other: {"state_dict": one, "ema_state_dict": other},
    "with prefixes": lambda one, other: {
        "model": prefixed("module.", one),
        "ema": {"n_averaged": torch.tensor(3), **prefixed("module.", other)},
    },
    "both usual": lambda one, other: {"params": one, "model": other},
}


@pytest.mark.parametrize("name", EMA)
def test_two_states_that_fit_and_differ_are_refused_until_one_is_named(tmp_path, name):
    first, second, third = (cases.filled(plain(), seed=seed) for seed in range(3))
    content = EMA[name](second.state_dict(), third.state_dict())
    file = tmp_path / "a.pt"
    torch.save(content, file)
    entry = list(content)[1]
    says = rf"must be one state dictionary, and these differ; .*entry='{entry}'"
    for path in (file, [content]):
        with pytest.raises(SpecError, match=says):
            by_path(first, path)
    with pytest.raises(PlaneError, match=rf"a\.pt.*{says}"):
        landscape(first, cross_entropy, data(), directions=lc.Between(first=str(file)), **FEW)
    for key, model in zip(content, (second, third), strict=True):
        chosen = lc.checkpoints(file, entry=key)
        found = by_path(first, chosen)
        np.testing.assert_allclose(found["path_loss"], [loss_of(model)], rtol=1e-12)
        plane = lc.Plane.through(first, chosen[0])
        found = landscape(first, cross_entropy, data(), directions=plane, **FEW)
        at = float(found["loss"].sel(split="train", alpha=1))
        assert at == pytest.approx(loss_of(model), rel=1e-12)


def wrong(state, change):
    state = dict(state)
    change(state)
    return state


UNFIT = {
    "an unusual name": (
        lambda s: {"teacher": s},
        r"'state_dict', 'model' or another usual name; .*entry='teacher'",
    ),
    "an unusual name next to one that does not fit": (
        lambda s: {"model": prefixed("module.", wrong(s, lambda d: d.pop("3.bias"))), "ema": s},
        r"usual name; in the entry 'model' without the prefix 'module\.', 3\.bias is missing; name"
        r" the one that is meant, as in checkpoints\(file, entry='ema'\)",
    ),
    "another shape": (
        lambda s: {"model": wrong(s, lambda d: d.update({"0.weight": torch.ones(4, 2)}))},
        r"in the entry 'model', 0\.weight has the shape \(4, 2\), not \(4, 3\)",
    ),
    "another shape of a buffer": (
        lambda s: prefixed("module.", wrong(s, lambda d: d.update({"1.running_var": s["3.bias"]}))),
        r"without the prefix 'module\.', 1\.running_var has the shape \(3,\), not \(4,\)",
    ),
    "no buffers": (
        lambda s: {"model": wrong(s, lambda d: d.pop("1.running_mean"))},
        r"in the entry 'model', 1\.running_mean is missing",
    ),
    "more than the network": (
        lambda s: {"state_dict": {**prefixed("model.", s), "metric.total": torch.ones(1)}},
        r"in the entry 'state_dict', .*; without the prefix 'model\.' they would be, but"
        r" metric\.total is unexpected",
    ),
    "an unknown prefix": (
        lambda s: {"model": prefixed("backbone.", s)},
        r"in the entry 'model', .*; without the prefix 'backbone\.' they would be",
    ),
    "a number in place of a tensor": (
        lambda s: wrong(s, lambda d: d.update(epoch=3)),
        r"epoch is unexpected",
    ),
    "nothing": (lambda s: {}, "0.weight, 0.bias, .* missing"),
    "the optimizer alone": (
        lambda s: {"state": {0: {"exp_avg": s["0.bias"]}}, "param_groups": []},
        r"0\.weight, .* missing, state, param_groups are unexpected",
    ),
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_does_not_fit_exactly_is_refused_with_what_was_found(tmp_path, name):
    first, second = two("normalized")
    change, says = UNFIT[name]
    content = change(second.state_dict())
    file = tmp_path / "a.pt"
    torch.save(content, file)
    with pytest.raises(SpecError, match=rf"^{file}: the .*{says}"):
        by_path(first, file)
    with pytest.raises(SpecError, match=rf"^path\[1\]: the .*{says}"):
        by_path(first, [second.state_dict(), content])
    with pytest.raises(PlaneError, match=rf"a\.pt.*{says}"):
        landscape(first, cross_entropy, data(), directions=lc.Between(first=str(file)), **FEW)
    with pytest.raises(SpecError, match=rf"path\[0\]: the .*{says}"):
        user_problem(first, cross_entropy, data(), path=[content])


def test_a_file_that_is_not_there_or_damaged_is_named(tmp_path):
    (first,) = two("plain")[:1]
    with pytest.raises(MissingDataError, match=r"run\.pt"):
        by_path(first, "run.pt")
    (tmp_path / "a.ckpt").write_bytes(b"damaged")
    with pytest.raises(FileFormatError, match=r"a\.ckpt"):
        by_path(first, tmp_path)
    with pytest.raises(FileFormatError, match=r"a\.ckpt"):
        landscape(
            first,
            cross_entropy,
            data(),
            directions=lc.Between(first=str(tmp_path / "a.ckpt")),
            **FEW,
        )


def test_tensors_of_a_prefixed_state_are_its_own():
    _, second = two("normalized")
    state = second.state_dict()
    found = fitting(averaged(second), second, list(state))
    assert list(found) == list(state)
    assert all(torch.equal(found[name], state[name]) for name in state)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 3, bias=False)
        self.second = nn.Linear(3, 3, bias=False)
        self.second.weight = self.first.weight

    def forward(self, inputs):
        return self.second(torch.tanh(self.first(inputs)))


@pytest.mark.parametrize("name", ["plain.pt", "checkpoint.pth.tar"])
def test_tied_tensors_are_read_once_and_refused_if_they_differ(tmp_path, name):
    first, second = (cases.filled(Tied(), seed=seed) for seed in (0, 1))
    file = saved(tmp_path, name, second)
    np.testing.assert_allclose(by_path(first, file)["path_loss"], [loss_of(second)], rtol=1e-12)
    state = wrong(second.state_dict(), lambda d: d.update({"second.weight": torch.ones(3, 3)}))
    torch.save(LAYOUTS[name](second, state), file)
    with pytest.raises(
        SpecError, match=r"first\.weight and second\.weight of a state must be equal"
    ):
        by_path(first, file)
