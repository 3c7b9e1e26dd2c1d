"""One's own network: as a problem, as a widget in Python, and linked to a slider in a browser."""

import copy
import itertools
import os
import pickle

import nbformat
import numpy as np
import pytest
import torch
from jaxtyping import config
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

import cases
from browser_support import Visitor, browser, served
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import canonical, to_plain
from landscape_core.foundation.registry import from_plain, make
from landscape_core.models.content_key import content_key
from landscape_core.models.user_model import UserProblem, user_problem
from landscape_core.session.session import Session
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.storage.store import Store
from landscape_core.training.optimizers.base import Optimizer
from landscape_core.training.run import Run, Training, train
from landscape_lab.notebook.explore import explore
from waiting import until

FEW = {"slice.resolution": 11}

CELL = """
import ipywidgets, torch
from landscape_lab.notebook.explore import explore
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
inputs = torch.randn(60, 2)
targets = (inputs[:, 0] > 0).long()
widget = explore(
    model, torch.nn.functional.cross_entropy, (inputs, targets), steps=50,
    settings={"slice.resolution": 11}, height=480,
)
slider = ipywidgets.IntSlider(max=50)
told = ipywidgets.Label("")
widget.observe(lambda change: setattr(told, "value", f"loss {change['new']:.4f}"), "loss")
ipywidgets.jslink((slider, "value"), (widget, "step"))
ipywidgets.VBox([slider, told, widget])
"""


def network():
    """A small classifier with batch normalization, always the same."""
    parts = nn.Linear(2, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 2)
    return cases.filled(nn.Sequential(*parts)).float()


def examples(count=40):
    inputs = torch.linspace(-2, 2, 2 * count).sin().reshape(count, 2)
    return inputs, (inputs[:, 0] > inputs[:, 1]).long()


@pytest.fixture(scope="module")
def widget(tmp_path_factory):
    """One widget for all, asked for step 7 before anybody shows it."""
    store = Store(tmp_path_factory.mktemp("store"))
    made = explore(network(), cross_entropy, examples(), steps=9999, settings=FEW, store=store)
    made.early = made.slice
    made.step = 7
    yield made
    made.close()


@pytest.fixture(scope="module")
def shown(widget):
    """The widget, as if a browser had come to show it, and drew at once what it is sent."""
    assert widget.picture is None
    widget.page.watch(lambda *_: widget.page.run.queue.drawn(2**31))
    widget.page.ready()
    return widget


def test_a_run_starts_at_the_given_weights_whatever_its_seed():
    model = network()
    problem = user_problem(model, cross_entropy, examples())
    weights = torch.cat([p.detach().flatten() for p in model.parameters()])
    starts = [Training(Run(problem=problem, seed=seed)).start().theta for seed in (0, 1)]
    torch.testing.assert_close(torch.stack(starts), torch.stack([weights, weights]))
    ends = [list(train(Run(problem=problem, seed=seed, steps=3)))[-1].theta for seed in (0, 1)]
    assert not torch.equal(ends[0], ends[1])  # other mini-batches


def test_a_run_trains_as_torch_does_and_leaves_the_given_network_alone():
    model, (inputs, targets) = network(), examples()
    before = copy.deepcopy(model.state_dict())
    optimizer = {"kind": "sgd", "learning_rate": 0.1}
    problem = user_problem(model, cross_entropy, (inputs, targets))
    run = from_plain(Run, {"optimizer": optimizer}).replace(problem=problem, batch_size=40, steps=5)
    *_, last = train(run)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    order = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(5):
        order.zero_grad()
        cross_entropy(model(inputs), targets).backward()
        order.step()
    theirs = torch.cat([p.detach().flatten() for p in model.parameters()])
    torch.testing.assert_close(last.theta, theirs, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(last.buffers["1.running_mean"], model[1].running_mean)


def test_equal_content_has_an_equal_key_and_any_other_another():
    (inputs, targets), other = examples(), network()
    with torch.no_grad():
        other[0].weight[0, 0] += 1e-6
    model = network()
    problem = user_problem(model, cross_entropy, (inputs, targets))
    again = user_problem(
        network(), cross_entropy, [(inputs[:30], targets[:30]), (inputs[30:], targets[30:])]
    )
    assert problem == again
    assert content_key(Run(problem=problem)) == content_key(Run(problem=again))
    unlike = [
        user_problem(other, cross_entropy, (inputs, targets)),
        user_problem(model, nn.CrossEntropyLoss(label_smoothing=0.1), (inputs, targets)),
        user_problem(
            model, nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0])), (inputs, targets)
        ),
        user_problem(
            model, nn.CrossEntropyLoss(weight=torch.tensor([1.0, 3.0])), (inputs, targets)
        ),
        user_problem(model, cross_entropy, (inputs, 1 - targets)),
        user_problem(model, cross_entropy, (inputs, targets), test=(inputs, targets)),
    ]
    assert len({content_key(Run(problem=one)) for one in [problem, *unlike]}) == 7


def test_the_text_of_a_given_network_says_what_it_is_and_builds_nothing():
    problem = user_problem(network(), cross_entropy, examples())
    plain = to_plain(Run(problem=problem))
    assert plain["problem"] == {
        "kind": "user_model",
        "model": "Sequential",
        "parameters": problem.parts["train"].layout.size,
        "digest": problem.digest,
    }
    assert canonical(plain)
    with pytest.raises(SpecError, match=r"problem.*given again in Python.*digest"):
        from_plain(Run, plain)
    with pytest.raises(SpecError, match="text holds no network"):
        UserProblem(model="Sequential", parameters=44, digest="0").build(0)


def test_a_run_of_ones_own_is_the_path_that_the_picture_shows():
    model, (inputs, targets) = network(), examples()
    order, kept = torch.optim.SGD(model.parameters(), lr=0.5), []
    for _ in range(6):
        kept.append(copy.deepcopy(model.state_dict()))
        order.zero_grad()
        cross_entropy(model(inputs), targets).backward()
        order.step()
    problem = user_problem(model, cross_entropy, (inputs, targets), path=kept)
    session = Session(Run(problem=problem, steps=20), SliceSpec(resolution=11))
    assert session.recorded == [0, 1, 2, 3, 4, 5, 6]
    *_, last = session.refine()
    model.eval()
    with torch.no_grad():
        model.load_state_dict(kept[3])
        then = float(cross_entropy(model(inputs), targets))
    assert float(last.path["loss"].sel(step=3)) == pytest.approx(then, rel=1e-5)
    assert last.seen == 6
    assert last.notice == ""
    assert problem != user_problem(model, cross_entropy, (inputs, targets))


def test_a_path_in_files_gives_the_run_of_its_states(tmp_path):
    states = [cases.filled(network(), seed=seed).float().state_dict() for seed in range(1, 4)]
    for epoch, state in enumerate(states, 9):
        torch.save({"state_dict": state}, tmp_path / f"epoch_{epoch}.ckpt")
    asked = {"steps": 20, "settings": FEW}
    runs = []
    for path in (states, tmp_path, str(tmp_path / "*.ckpt")):
        widget = explore(network(), cross_entropy, examples(), path=path, **asked)
        runs.append(widget.scene.run)
        widget.close()
    assert runs[0] == runs[1] == runs[2]
    assert runs[0].steps == 23


class Many(nn.Linear):
    """A layer in as many steps as a long loop."""

    def forward(self, x):
        for _ in range(600):
            x = x + 0.0
        return super().forward(x)


def axes_seen(scene):
    """The axes of each picture of a whole run: directions, origin and ends."""
    session = Session(scene.run, scene.slice)
    for _ in session.play(1):
        shown = session.live_slice.projected
        yield (
            *(
                tuple(map(float, one.flatten()))
                for one in (session.plane.axes, session.plane.origin)
            ),
            *(tuple(shown.low), tuple(shown.high)),
        )


@pytest.mark.parametrize("before", [0, 5])
def test_the_axes_of_an_own_network_change_three_times_at_most_while_it_is_trained(before):
    path = [network().state_dict()] * before or None
    choices = {"path": path, "steps": 100, "settings": {"slice.resolution": 3}}
    widget = explore(network(), cross_entropy, examples(), **choices)
    widget.close()
    assert widget.scene.slice.horizon == 60 + before
    seen = list(axes_seen(widget.scene))
    assert len(seen) >= 100
    assert sum(one != other for one, other in itertools.pairwise(seen)) <= 3


def test_a_run_is_trained_ahead_only_where_that_is_known_to_be_short():
    data = examples()
    loop = explore(Many(2, 2), cross_entropy, data, settings=FEW)
    wide = explore(nn.Sequential(nn.Linear(2, 1200), nn.Linear(1200, 1200)), cross_entropy, data)
    short = explore(network(), cross_entropy, data, steps=20)
    chosen = explore(network(), cross_entropy, data, settings={"slice.horizon": 7})
    found = [one.scene.slice.horizon for one in (loop, wide, short, chosen)]
    for one in (loop, wide, short, chosen):
        one.close()
    assert found == [0, 0, 20, 7]


def test_a_given_network_survives_a_pickle():
    problem = user_problem(network(), cross_entropy, examples())
    arrived = pickle.loads(pickle.dumps(problem))
    assert arrived == problem
    torch.testing.assert_close(arrived.build(0).start, problem.build(0).start)


class Tied(nn.Module):
    """Two layers of one weight, one that is frozen, an answer in a tuple."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.last = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 1)
        self.two.weight = self.one.weight
        self.last.requires_grad_(requires_grad=False)

    def forward(self, inputs):
        return self.last(self.two(self.one(inputs).relu())), None


def test_tied_and_frozen_parameters_tuples_and_means_of_numbers():
    inputs = torch.linspace(-1, 1, 900).reshape(300, 3)
    data = inputs, inputs[:, :1]
    problem = user_problem(Tied(), mse_loss, data, test=data, adapter=lambda found: found[0])
    assert problem.parameters == 9 + 3 + 3
    view = SliceSpec(resolution=11, max_examples=100)
    session = Session(Run(problem=problem, steps=5), view)
    *_, last = session.travel(5)
    assert last.readings.values["train_loss"] == last.readings.values["test_loss"]
    assert "train_accuracy" not in last.readings.values
    assert last.boundary is None


def test_a_network_that_no_key_tells_is_taken_and_equals_no_other():
    def loss(outputs, targets):
        return os.getpid() * cross_entropy(outputs, targets)

    problems = []
    for _ in range(2):
        with pytest.warns(UserWarning, match="network are not kept: .*getpid"):
            problems.append(user_problem(network(), loss, examples()))
    assert problems[0] != problems[1]
    assert Session(Run(problem=problems[0], steps=1), SliceSpec(resolution=11)).step == 0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"model": "a network"}, r"model must be a torch\.nn\.Module; got 'str'"),
        ({"model": nn.ReLU()}, "model must be a module with trainable parameters"),
        ({"loss": nn.MSELoss}, r"loss must be an instance, nn.MSELoss\(\)"),
        ({"loss": lambda outputs, targets: 3.0}, "what the loss gives must be a tensor"),
        ({"loss": lambda outputs, targets: outputs.detach().sum()}, "without a gradient"),
        ({"data": examples()[0]}, "data must be inputs and targets, or batches"),
        ({"data": [{"x": 1}]}, "data must be.*got 'a batch that is a dict'"),
        ({"data": []}, "at least one pair of inputs and targets"),
        ({"test": 3}, "test must be inputs and targets"),
        ({"model": Tied(), "data": (torch.ones(4, 3), torch.ones(4, 1))}, "adapter="),
        ({"batch_size": 41}, "batch_size must be at most the number of training examples, 40"),
        ({"optimizer": "adamm"}, "did you mean 'adam'"),
        ({"settings": {"slice.spam": 1}}, "a setting must be one of"),
    ],
)
def test_what_does_not_fit_is_refused_before_any_work(monkeypatch, changes, says):
    monkeypatch.setattr(config, "jaxtyping_disable", True)  # as it is outside the tests
    asked = {"model": network(), "loss": cross_entropy, "data": examples(), **changes}
    with pytest.raises(SpecError, match=says):
        explore(asked.pop("model"), asked.pop("loss"), asked.pop("data"), **asked)


def penalized(model, batch):
    penalty = sum(one.square().sum() for one in model.parameters())
    return cross_entropy(model(batch["x"]), batch["y"]) + 1e-2 * penalty


def small():
    return cases.filled(nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 2)))


def test_an_objective_of_batches_is_explored_as_its_closure(tmp_path):
    inputs, targets = examples()
    inputs = inputs.double()
    batches = [{"x": inputs[i:j], "y": targets[i:j]} for i, j in ((0, 25), (25, 40))]
    states = [cases.filled(small(), seed=seed).state_dict() for seed in (1, 2)]
    asked = {"steps": 9, "settings": {"slice.resolution": 3, "slice.directions": "random"}}
    asked |= {"path": states, "store": Store(tmp_path)}
    widget = explore(small(), objective=penalized, data=batches, test=batches[:1], **asked)
    found, picture = widget.slice, Session(widget.scene.run, widget.scene.computed_slice).picture()
    widget.close()
    own, expected = small(), []
    for part, sizes in ((batches, [25, 15]), (batches[:1], [1])):
        values = [penalized(own, one).item() for one in part]
        expected.append(sum(v * n for v, n in zip(values, sizes, strict=True)) / sum(sizes))
    theta = nn.utils.parameters_to_vector(own.parameters()).detach()
    np.testing.assert_array_equal(found["plane_origin"], theta)
    centre = found["loss"].sel(alpha=0, beta=0)
    np.testing.assert_allclose(centre, expected[0], rtol=1e-12)
    for name, value in zip(("train", "test"), expected, strict=True):
        assert picture.readings.values[f"{name}_loss"] == pytest.approx(value, rel=1e-12)
    assert (found.attrs["examples"], found.attrs["strategy"]) == ([40], ["loop"])
    assert found.attrs["loss_of"] == ["the mean over 2 batches, weighted by examples"]
    assert picture.boundary is None
    began = cases.filled(small(), seed=1)
    first = sum(len(one["y"]) / 40 * penalized(began, one).item() for one in batches)
    assert float(picture.path["loss"].sel(step=0)) == pytest.approx(first, rel=1e-12)


def test_steps_on_an_objective_with_batch_normalization_are_those_of_torch(tmp_path):
    inputs, targets = examples()
    model = network().double()
    inputs = inputs.double()
    batches = [{"x": inputs[i:j], "y": targets[i:j]} for i, j in ((0, 25), (25, 40))]
    asked = {"steps": 3, "settings": {"slice.resolution": 3, "slice.directions": "random"}}
    asked |= {"optimizer": make(Optimizer, "sgd", learning_rate=0.1), "store": Store(tmp_path)}
    widget = explore(model, objective=penalized, data=batches, **asked)
    *_, last = train(widget.scene.run)
    widget.close()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model.train()
    for _ in range(3):
        optimizer.zero_grad()
        sum(len(one["y"]) / 40 * penalized(model, one) for one in batches).backward()
        optimizer.step()
    theta = nn.utils.parameters_to_vector(model.parameters()).detach()
    np.testing.assert_allclose(last.theta, theta, rtol=1e-12)
    for name, value in model.named_buffers():
        np.testing.assert_allclose(last.buffers[name], value, rtol=1e-12)


def test_a_batch_function_and_a_number_of_examples_are_taken_as_by_landscape():
    inputs, targets = examples()
    rows = [{"x": inputs[:30], "y": targets[:30]}, {"x": inputs[30:], "y": targets[30:]}]
    pair = lambda row: (row["x"], row["y"])  # noqa: E731
    widget = explore(network(), cross_entropy, rows, batch=pair, max_examples=34)
    widget.close()
    plain = user_problem(network(), cross_entropy, (inputs[:34], targets[:34]))
    assert widget.scene.run.problem == plain


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "loss must be a function of"),
        ({"objective": penalized, "loss": cross_entropy}, "give one of the two"),
        ({"objective": penalized, "adapter": tuple}, "adapter must be left out with objective="),
        ({"loss": cross_entropy, "reduction": "sum"}, "reduction must be left out without"),
        ({"objective": penalized, "batch_size": 4}, "batch_size must be left out, as each"),
        (
            {
                "objective": penalized,
                "model": network(),
                "data": [{"x": torch.ones(1, 2), "y": torch.ones(1, dtype=torch.long)}] * 2,
            },
            "the objective must be one that can be called in training mode: batches of two",
        ),
        ({"objective": penalized, "max_examples": 0}, "max_examples must be a whole number"),
    ],
)
def test_what_does_not_go_with_an_objective_is_refused(given, says):
    inputs, targets = examples()
    given = {"model": small().float(), "data": [{"x": inputs, "y": targets}], **given}
    with pytest.raises(SpecError, match=says):
        explore(given.pop("model"), **given)


def test_the_slice_is_there_before_a_browser_is_and_around_the_present_weights(widget):
    model, (inputs, targets) = network().eval(), examples()
    with torch.no_grad():
        known = float(cross_entropy(model(inputs), targets))
    for axis in ("alpha", "beta"):  # with what is ahead of them
        assert widget.early[axis][0] < 0 < widget.early[axis][-1]
    alone = explore(model, cross_entropy, examples(), settings={**FEW, "slice.horizon": 0})
    found = alone.slice["loss"].sel(split="train", alpha=0, beta=0, method="nearest")
    alone.close()
    assert float(found) == pytest.approx(known, rel=1e-5)


def test_what_is_asked_for_before_a_browser_is_there_is_done_when_it_comes(shown):
    until(lambda: shown.picture is not None and shown.picture.seen == 7)
    assert shown.step == 7
    until(lambda: shown.loss == shown.picture.readings.values["train_loss"])


def test_the_traits_follow_the_run_and_are_observed(shown):
    until(lambda: shown.step == 7)
    told = []
    shown.observe(lambda change: told.append(change["new"]), "step")
    shown.play()
    until(lambda: len(told) > 3)
    shown.pause()
    until(lambda: not shown.playing)
    assert told == sorted(set(told))
    assert shown.step > 7


def test_setting_a_trait_goes_there(shown):
    until(lambda: shown.picture is not None and not shown.page.run.busy)
    there = shown.step + 5
    shown.step = there
    until(lambda: shown.picture.seen == there)
    until(lambda: shown.loss == shown.picture.readings.values["train_loss"])
    shown.step = 4
    until(lambda: shown.picture.seen == 4)
    until(lambda: not shown.page.run.busy)
    assert shown.step == 4
    with shown.hold_trait_notifications():
        shown.alpha, shown.beta = 0.5, -0.25
    until(lambda: shown.picture.point is not None)
    assert (shown.picture.point.alpha, shown.picture.point.beta) == (0.5, -0.25)
    until(lambda: shown.loss == shown.picture.point.values["train_loss"])


def test_a_setting_and_a_reset_reach_the_page(shown):
    shown.choose("slice.resolution", 13)
    until(lambda: shown.slice.sizes["alpha"] == 13)
    shown.step = 3
    until(lambda: shown.picture.seen == 3)
    shown.reset()
    until(lambda: shown.step == 0 and shown.picture.seen == 0)


@pytest.mark.exhaustive
@pytest.mark.browser
@pytest.mark.timeout(240)
def test_a_linked_slider_moves_the_run_in_a_narrow_cell_of_a_notebook(tmp_path):
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(CELL)],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3"},
            "voila": {"template": "landscape"},
        },
    )
    nbformat.write(notebook, tmp_path / "linked.ipynb")
    with browser() as opened, served("voila", tmp_path, source=tmp_path / "linked.ipynb") as url:
        visitor = Visitor(opened, url, (760, 700)).open()
        visitor.at_rest()
        visitor.page.locator(".noUi-handle").first.focus()
        for _ in range(6):
            visitor.page.keyboard.press("ArrowRight")
        visitor.until(lambda: visitor.step() == 6, "the run to be at step 6")
        visitor.at_rest()
        slider = visitor.page.locator(".widget-readout").first
        assert slider.inner_text() == "6"
        said = visitor.page.get_by_text("loss 0.").first.inner_text()
        assert said.startswith("loss 0.")
        visitor.press("step")
        visitor.until(lambda: slider.inner_text() == "7", "the slider to follow")
        page = visitor.page.evaluate("document.scrollingElement.scrollWidth")
        assert page <= 760
        assert (visitor.errors, visitor.strangers) == ([], [])
