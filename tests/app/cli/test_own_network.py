"""A network of the user's own on the command line, from names in Python files."""

import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from torch.nn.functional import cross_entropy

import landscape_core as lc
import landscape_lab as ll
from landscape_core import load
from landscape_core.analysis.diagnostics.gradient_noise import GradientNoise
from landscape_core.connectivity.paths.bezier import Bezier
from landscape_lab.cli import progress_bar
from landscape_lab.cli.main import main

SOURCE = """
    import torch
    from torch import nn

    MODEL = nn.Linear(5, 3).double()

    def make():
        torch.manual_seed(3)
        return nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3)).double()

    def data():
        drawn = torch.Generator().manual_seed(1)
        inputs = torch.randn(60, 5, generator=drawn, dtype=torch.float64)
        return inputs, torch.randint(0, 3, (60,), generator=drawn)

    def tied():
        network = nn.Sequential(nn.Linear(5, 3), nn.Linear(5, 3)).double()
        network[1].weight = network[0].weight
        return nn.Sequential(nn.Linear(5, 5, bias=False).double(), Twice(network))

    class Twice(nn.Module):
        def __init__(self, network):
            super().__init__()
            self.one, self.other = network

        def forward(self, inputs):
            return self.one(inputs) + self.other(inputs)

    def doubled(outputs, targets):
        return 2 * nn.functional.cross_entropy(outputs, targets)

    def penalized(model, batch):
        squares = sum(p.square().sum() for p in model.parameters())
        return doubled(model(batch[0]), batch[1]) + 0.1 * squares

    def batches():
        inputs, targets = data()
        return [(inputs[:40], targets[:40]), (inputs[40:], targets[40:])]

    def fails():
        raise ValueError("no data here")
"""


@pytest.fixture
def own(tmp_path, monkeypatch, request):
    """The file, its names, and a folder of checkpoints of its network with a wrapper's prefix."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANDSCAPE_CACHE", str(tmp_path / "cache"))
    file = tmp_path / f"own_{abs(hash(request.node.name))}.py"
    file.write_text(textwrap.dedent(SOURCE))
    names = {}
    exec(compile(file.read_text(), file, "exec"), names)
    (tmp_path / "kept").mkdir()
    network = names["make"]()
    optimizer = torch.optim.Adam(network.parameters(), 0.05)
    inputs, targets = names["data"]()
    for epoch in range(12):
        state = {f"module.{name}": one.clone() for name, one in network.state_dict().items()}
        torch.save({"state_dict": state, "epoch": epoch}, tmp_path / "kept" / f"model_{epoch}.pth")
        optimizer.zero_grad()
        cross_entropy(network(inputs), targets).backward()
        optimizer.step()
    network.load_state_dict({name.removeprefix("module."): one for name, one in state.items()})
    return file.name, names, network


def slice_of(*arguments):
    assert main(["slice", *arguments, "--resolution", "5", "-o", "s.nc"]) == 0
    return load("s.nc")


def test_checkpoints_give_the_plane_the_path_and_the_centre(own):
    file, names, network = own
    inputs, targets = names["data"]()
    found = slice_of(
        "--model", f"{file}:make", "--data", f"{file}:data", "--loss", "cross_entropy",
        "--checkpoints", "kept",
    )  # fmt: skip
    expected = cross_entropy(network(inputs), targets).item()
    assert found.sizes["step"] == 12
    np.testing.assert_allclose(found["path_loss"].values[-1], expected, rtol=1e-12)
    assert float(found["explained_variance_ratio"].sum()) > 0.5


@pytest.mark.parametrize("by", ["--loss", "--objective"])
def test_a_loss_of_the_file_at_the_centre_of_a_random_plane(own, by):
    file, names, _ = own
    inputs, targets = names["data"]()
    name = "doubled" if by == "--loss" else "penalized"
    found = slice_of("--model", f"{file}:make", "--data", f"{file}:data", by, f"{file}:{name}")
    network = names["make"]()
    expected = (
        names[name](network(inputs), targets)
        if by == "--loss"
        else names[name](network, (inputs, targets))
    )
    np.testing.assert_allclose(found["loss"].values[0, 2, 2], expected.item(), rtol=1e-12)
    assert '"random"' in found.attrs["directions"]


def test_a_network_that_stands_in_the_file_is_taken_as_it_is(own):
    file, _, _ = own
    found = slice_of(
        "--model", f"{file}:MODEL", "--data", f"{file}:data", "--loss", "cross_entropy"
    )
    assert found.attrs["model"] == "Linear"


def test_a_tied_tensor_may_be_in_a_checkpoint_once(own):
    file, names, _ = own
    network = names["tied"]()
    state = network.state_dict()
    del state["1.other.weight"]
    torch.save(state, "tied.pt")
    found = slice_of(
        "--model", f"{file}:tied", "--data", f"{file}:data", "--loss", "cross_entropy",
        "--checkpoints", "tied.pt", "--directions", "random",
    )  # fmt: skip
    inputs, targets = names["data"]()
    expected = cross_entropy(network(inputs), targets).item()
    np.testing.assert_allclose(found["loss"].values[0, 2, 2], expected, rtol=1e-12)
    np.testing.assert_allclose(found["path_loss"], [expected], rtol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--loss", "cross_entropy"], "--loss must be given with --model"),
        ([], "trajectory must be a file of `landscape train`, or give --model"),
        (["--model", "FILE:make"], "--data must be FILE.py:NAME"),
        (["--model", "FILE:make", "--data", "FILE:data"], "one of the two"),
        (["--model", "FILE:make", "--data", "FILE:data", "--loss", "hinge"], "--loss must be one"),
        (["--model", "FILE:made", "--data", "FILE:data", "--loss", "mse_loss"], "a name that"),
        (["--model", "nothing.py:make", "--data", "FILE:data", "--loss", "mse_loss"], "Python"),
        (["--model", "FILE:data", "--data", "FILE:data", "--loss", "mse_loss"], "torch.nn.Module"),
        (["--model", "FILE:make", "--data", "FILE:fails", "--loss", "mse_loss"], "no data here"),
        (
            ["--model", "FILE:make", "--data", "FILE:data", "--loss", "mse_loss", "--step", "3"],
            "--step must be left out with --model",
        ),
        (
            ["--model", "FILE:MODEL", "--data", "FILE:data", "--loss", "cross_entropy",
             "--checkpoints", "kept"],
            "0.weight",
        ),
    ],
)  # fmt: skip
def test_what_is_missing_or_something_else_is_said_in_one_line(own, arguments, said, capsys):
    file, _, _ = own
    assert main(["slice", *(one.replace("FILE", file) for one in arguments)]) == 1
    told = capsys.readouterr().err.strip()
    assert said in told
    assert len(told.splitlines()) == 1


def last_of_kept(names):
    """The network of the file with the last checkpoint."""
    network = names["make"]()
    state = ll.checkpoints("kept")[-1]
    network.load_state_dict({name.removeprefix("module."): one for name, one in state.items()})
    return network


def written(*arguments, output="found.nc"):
    assert main([*arguments, "-o", output]) == 0
    return load(output)


def given(file, data="data", by=("--loss", "cross_entropy")):
    return ["--model", f"{file}:make", "--data", f"{file}:{data}", *by]


def same(found, expected):
    """The same values bit for bit, and the same attributes."""
    xr.testing.assert_equal(found, expected)
    told = {name: np.asarray(one).tolist() for name, one in found.attrs.items()}
    wanted = {name: np.asarray(one).tolist() for name, one in expected.attrs.items()}
    assert told == wanted


def equal_losses(found, expected, by):
    """Equal losses, bit for bit by the loop; the strategy for a loss is chosen in a trial."""
    if by == "objective":
        np.testing.assert_array_equal(found["loss"], expected["loss"])
    np.testing.assert_allclose(found["loss"], expected["loss"], rtol=1e-12)


def closure_of(file):
    return ("--objective", f"{file}:penalized")


@pytest.mark.parametrize("by", ["loss", "objective"])
def test_a_slice_is_that_of_the_call_in_python(own, by):
    file, names, _ = own
    settings = {"resolution": 3, "directions": "random", "max_examples": 1000}
    words = ["--directions", "random", "--resolution", "3", "--checkpoints", "kept"]
    network = last_of_kept(names)
    if by == "loss":
        words = [*given(file), *words]
        expected = ll.landscape(network, cross_entropy, names["data"](), path="kept", **settings)
    else:
        words = [*given(file, "batches", closure_of(file)), *words]
        closure = {"objective": names["penalized"], "data": names["batches"]()}
        expected = ll.landscape(network, **closure, path="kept", **settings)
    found = written("slice", *words)
    equal_losses(found, expected, by)
    np.testing.assert_array_equal(found["path_loss"], expected["path_loss"])
    assert found.attrs["examples"] == [60]


@pytest.mark.parametrize("by", ["loss", "objective"])
def test_curvature_is_that_of_the_call_in_python(own, by, capsys):
    file, names, _ = own
    settings = {"top": 2, "bottom": 1, "probes": 2, "max_examples": 50 if by == "loss" else 1000}
    words = ["--set", "top=2", "--set", "probes=2", "--checkpoints", "kept"]
    network = last_of_kept(names)
    if by == "loss":
        words = [*given(file), *words, "--set", "max_examples=50", "--each-layer"]
        data = names["data"]()
        expected = ll.spectrum(network, cross_entropy, data, each_layer=True, **settings)
    else:
        words = [*given(file, "batches", closure_of(file)), *words, "--sharpness"]
        closure = {"objective": names["penalized"], "data": names["batches"]()}
        expected = ll.spectrum(network, **closure, **settings)
    found = written("curvature", *words)
    if by == "objective":
        sharpness = ll.sharpness(network, **closure)
        np.testing.assert_array_equal(found["sharpness_value"], sharpness["value"])
    same(found[list(expected.data_vars)], expected)
    told = capsys.readouterr().out
    assert "hessian at kept" in told
    assert f"{float(expected['eigenvalue'][0, 0]):.6g}" in told


def test_diagnostics_start_at_the_first_checkpoint(own, capsys):
    file, names, _ = own
    words = ["diagnose", *given(file), "--checkpoints", "kept", "distance", "gradient_noise"]
    assert main([*words, "-o", "found.nc"]) == 0
    capsys.readouterr()
    states = [torch.load(f"kept/model_{epoch}.pth")["state_dict"].values() for epoch in (0, 11)]
    first, last = (torch.cat([one.flatten() for one in state]) for state in states)
    distance = float(load("found_distance.nc")["distance"][0])
    assert distance == pytest.approx(float((last - first).norm()), rel=1e-12)
    objective = lc.from_module(last_of_kept(names), cross_entropy, names["data"]())
    same(load("found_gradient_noise.nc"), GradientNoise().at(objective, objective.start))


def test_a_distance_from_the_start_needs_a_start(own, capsys):
    file, _, _ = own
    assert main(["diagnose", *given(file), "--checkpoints", "kept/model_3.pth"]) == 0
    told = capsys.readouterr().out
    assert "distance: does not apply to this network: --checkpoints must be those of a run" in told
    assert "gradient_noise: gradient noise" in told
    assert main(["diagnose", *given(file), "distance"]) == 1
    assert "whose first is its start; got None" in capsys.readouterr().err


@pytest.mark.parametrize("by", ["loss", "objective"])
def test_a_map_of_convexity_is_that_of_the_call_in_python(own, by):
    file, names, _ = own
    settings = {"resolution": 2, "span": 0.5, "max_examples": 500}
    words = ["--resolution", "2", "--span", "0.5"]
    if by == "loss":
        words = [*given(file), *words, "--checkpoints", "kept"]
        network, data = last_of_kept(names), names["data"]()
        expected = ll.convexity(network, cross_entropy, data, path="kept", **settings)
    else:
        words = [*given(file, "batches", closure_of(file)), *words]
        closure = {"objective": names["penalized"], "data": names["batches"]()}
        expected = ll.convexity(names["make"](), **closure, **settings)
    same(written("convexity", *words), expected)


@pytest.mark.parametrize("by", ["loss", "objective"])
def test_planes_are_those_of_the_call_in_python(own, by):
    file, names, _ = own
    settings = {"planes": 2, "grid": lc.Grid.square(1.0, 3)}
    words = ["--count", "2", "--resolution", "3"]
    if by == "loss":
        words = [*given(file), *words, "--checkpoints", "kept"]
        part = lc.from_module(last_of_kept(names), cross_entropy, names["data"]())
    else:
        words = [*given(file, "batches", closure_of(file)), *words]
        closure = {"objective": names["penalized"], "data": names["batches"]()}
        part = lc.from_module(names["make"](), **closure)
    *_, expected = lc.ensemble({"train": part}, "random", **settings)
    found = written("planes", *words)
    equal_losses(found, expected, by)
    assert float(found["centre"][0]) == float(found["loss"][0, 0, 1, 1])


@pytest.mark.parametrize("ends", ["two files", "a folder"])
def test_two_checkpoints_are_connected_as_by_the_call_in_python(own, ends, capsys):
    file, names, network = own
    settings = {"path": Bezier(steps=5), "points": 3, "resolution": 3}
    words = [
        "--set",
        "path.steps=5",
        "--set",
        "connection.points=3",
        "--set",
        "connection.resolution=3",
    ]
    kept = ll.checkpoints("kept")
    if ends == "two files":
        words = ["kept/model_2.pth", "kept/model_11.pth", *given(file), *words]
        a, loss = kept[2], {"loss": cross_entropy, "data": names["data"]()}
    else:
        words = [*given(file, "batches", closure_of(file)), *words, "--checkpoints", "kept"]
        a, loss = kept[0], {"objective": names["penalized"], "data": names["batches"]()}
    expected = ll.connect(names["make"](), a, kept[-1], **loss, **settings)
    found = written("connect", *words)
    same(found, expected)
    flat = torch.nn.utils.parameters_to_vector(network.parameters()).detach()
    np.testing.assert_array_equal(found["nodes"][-1], flat)
    assert "straight line" in capsys.readouterr().out


def test_named_statistics_are_taken_also_where_they_are_the_usual_ones_of_runs(own, capsys):
    file, _, _ = own
    words = ["kept/model_2.pth", "kept/model_11.pth", *given(file, by=closure_of(file))]
    statistics = ["--set", "batch_norm=reestimated"]
    assert main(["connect", *words, *statistics]) == 1
    assert "batch_norm must be one of running, interpolated" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["slice", "--resolution", "2"],
        ["convexity", "--resolution", "2"],
        ["curvature", "--set", "probes=0"],
        ["connect", "--checkpoints", "kept", "--set", "path=straight"],
        ["planes", "--count", "1", "--resolution", "2"],
    ],
    ids=lambda words: words[0],
)
def test_all_work_shows_its_progress(own, words, monkeypatch):
    file, _, _ = own
    seen = []

    def noted(work, title, unit):
        seen.extend(work)
        assert title
        assert unit
        return seen[-1].dataset

    monkeypatch.setattr(progress_bar, "shown", noted)
    assert main([*words, *given(file), "-o", "found.nc"]) == 0
    counts = [one.done for one in seen]
    assert counts == sorted(counts)
    assert counts[-1] == seen[-1].total > 0


COMMANDS = ("slice", "curvature", "connect", "convexity", "planes", "diagnose")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--loss", "cross_entropy"], "--loss must be given with --model"),
        (["--checkpoints", "kept"], "--checkpoints must be given with --model"),
        ([], "must be a file of `landscape train`, or give --model"),
        (["--model", "FILE:make"], "--data must be FILE.py:NAME"),
        (["--model", "FILE:make", "--data", "FILE:data"], "one of the two"),
        (["--model", "FILE:make", "--data", "FILE:data", "--loss", "hinge"], "--loss must be one"),
        (["--model", "FILE", "--data", "FILE:data", "--loss", "mse_loss"], "must be FILE.py:NAME"),
        (["--model", "no.py:make", "--data", "FILE:data", "--loss", "mse_loss"], "Python file"),
        (
            ["--model", "FILE:make", "--data", "FILE:data", "--objective", "no.py:it"],
            "--objective must be a Python file",
        ),
        (
            ["--model", "FILE:make", "--data", "FILE:data", "--loss", "mse_loss",
             "--checkpoints", "nowhere"],
            "nowhere: no such file or folder of checkpoints",
        ),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_before_anything_is_imported(
    own, command, options, said, capsys, monkeypatch
):
    file, _, _ = own

    def never(*_):
        raise AssertionError("imported")

    monkeypatch.setattr("landscape_lab.cli._parts_file.imported", never)
    words = [one.replace("FILE:", f"{file}:") for one in options]
    assert main([command, *words]) == 1
    told = capsys.readouterr().err.strip()
    assert said in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["slice", "run.nc"], "trajectory must be left out with --model"),
        (["slice", "--estimate"], "--estimate must be left out with --model"),
        (["slice", "--step", "0"], "--step must be left out with --model; got 0"),
        (["slice", "--set", "split=test"], "slice.split must be left out with --model"),
        (["curvature", "run.nc"], "trajectory must be left out with --model"),
        (["curvature", "--along", "5"], "--along must be left out with --model"),
        (["curvature", "--layers", "0.*"], "spectrum.layers must be left out with --model"),
        (["curvature", "--set", "tolerance=1e-3"], "spectrum.tolerance must be left out"),
        (["convexity", "--step", "3"], "--step must be left out with --model"),
        (["convexity", "--set", "measures=error"], "slice.measures must be left out"),
        (["diagnose", "--step", "3"], "--step must be left out with --model; got 3"),
        (["diagnose", "no_such"], "diagnostic must be one of"),
        (["planes", "run.nc"], "trajectory must be left out with --model"),
        (["planes", "--count", "0"], "--count must be at least 1"),
        (["connect", "kept/model_1.pth"], "two checkpoints of --model, or give --checkpoints"),
        (["connect", "kept/model_1.pth", "no.pth"], "no.pth: no such file"),
        (
            ["connect", "kept/model_1.pth", "kept/model_2.pth", "--checkpoints", "kept"],
            "--checkpoints must be left out with two checkpoints",
        ),
        (["connect", "kept/model_1.pth", "kept/model_1.pth"], "another state than a"),
        (
            ["connect", "kept/model_1.pth", "kept/model_2.pth", "--set", "first.seed=3"],
            "connection.first must be left out",
        ),
    ],
)
def test_what_is_of_trajectories_is_refused_with_a_network(own, words, said, capsys):
    file, _, _ = own
    assert main([*words, *given(file)]) == 1
    assert said in capsys.readouterr().err


def test_several_runs_are_named_on_one_plane(own):
    file, names, network = own
    slow = names["make"]()
    Path("slow").mkdir()
    for epoch in range(3):
        torch.save(slow.state_dict(), f"slow/epoch={epoch}.ckpt")
        with torch.no_grad():
            for one in slow.parameters():
                one *= 0.9
    given = ["--model", f"{file}:make", "--data", f"{file}:data", "--loss", "cross_entropy"]
    found = slice_of(
        *given, "--checkpoints", "Adam=kept", "--checkpoints", "slow=slow/epoch=*.ckpt"
    )
    inputs, targets = names["data"]()
    expected = cross_entropy(network(inputs), targets).item()
    np.testing.assert_allclose(found["path_loss"].sel(run="Adam")[-1], expected, rtol=1e-12)
    assert np.isfinite(found["path_loss"].sel(run="slow")).sum() == 3
    assert float(found["path_distance"].sel(run="Adam")[-1]) == pytest.approx(0, abs=1e-9)
    assert main(["plot", "s.nc", "-o", "s.html"]) == 0
    assert '"slow"' in Path("s.html").read_text()
    one = slice_of(*given, "--checkpoints", "slow/epoch=2.ckpt", "--directions", "random")
    assert one["path_loss"].dims == ("step",)
    assert main(["slice", *given, "--checkpoints", "kept", "--checkpoints", "slow"]) == 1
    assert main(["slice", *given, "--checkpoints", "a=kept", "--checkpoints", "a=slow"]) == 1


def test_projected_states_cannot_be_loaded_and_their_components_are_drawn(own, capsys):
    file, _, network = own
    with lc.record(network, file="few.nc", projection=10) as recorder:
        for _ in range(3):
            with torch.no_grad():
                for one in network.parameters():
                    one.add_(one**2)
            recorder.step()
    given = ["--model", f"{file}:make", "--data", f"{file}:data", "--loss", "cross_entropy"]
    words = [*given, "--checkpoints", "few.nc", "--directions", "random"]
    assert main(["slice", *words, "-o", "s.nc"]) == 1
    assert "--checkpoints must be checkpoints or whole states" in capsys.readouterr().err
    assert main(["plot", "few.nc", "-o", "few.svg"]) == 0
    assert "PC1 (" in Path("few.svg").read_text()
