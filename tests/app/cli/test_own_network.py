"""A network of the user's own on the command line, from names in Python files."""

import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from landscape_core import load
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

    def doubled(outputs, targets):
        return 2 * nn.functional.cross_entropy(outputs, targets)

    def penalized(model, batch):
        squares = sum(p.square().sum() for p in model.parameters())
        return doubled(model(batch[0]), batch[1]) + 0.1 * squares

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
