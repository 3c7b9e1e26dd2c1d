"""On a plane through several states, each state's own loss lies at its point."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import cases
from landscape_core import (
    PCA,
    Between,
    Grid,
    ModelObjective,
    Plane,
    SpecError,
    Store,
    landscape,
    probe_of,
)
from landscape_core.analysis.vector_field import field
from landscape_core.foundation.errors import PlaneError
from landscape_core.models.measures.gradient_norm import GradientNorm
from landscape_core.planes.directions.endpoints import Endpoints
from landscape_core.slices.point_statistics import at_coord
from landscape_core.slices.slice_key import slice_key

pytestmark = pytest.mark.filterwarnings("ignore:At .* computed points a running variance")

CORNERS = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))


class Counted(nn.Module):
    """A buffer of its own beside those of batch normalization, and one that is not saved."""

    def __init__(self):
        super().__init__()
        self.register_buffer("centre", torch.zeros(3))
        self.register_buffer("scale", torch.full((3,), 2.0), persistent=False)

    def forward(self, x):
        return (x - self.centre) * self.scale


def flat(*, frozen=False, tied=False, own=False):
    """A network of vectors with batch normalization."""
    layers = [Counted()] if own else []
    layers += [nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 4), nn.BatchNorm1d(4)]
    model = nn.Sequential(*layers, nn.ReLU(), nn.Linear(4, 3)).double()
    if tied:
        model[2] = nn.Sequential(nn.ReLU(), nn.Linear(4, 4).double())
        model[2][1].weight = model[3].weight
    if frozen:
        model[0].weight.requires_grad_(requires_grad=False)
    return model


def pictures():
    """A network of images with batch normalization."""
    layers = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3)
    return nn.Sequential(*layers).double()


MADE = {
    "flat": (flat, cases.vectors),
    "frozen": (lambda: flat(frozen=True), cases.vectors),
    "tied": (lambda: flat(tied=True), cases.vectors),
    "own buffers": (lambda: flat(own=True), cases.vectors),
    "images": (pictures, cases.images),
}


def states(make, data, count=3):
    """States of one network, each trained a little on its own, statistics included."""
    first, found = make(), []
    cases.filled(first)
    for seed in range(count):
        model = copy.deepcopy(first)
        moving = [p for p in model.parameters() if p.requires_grad]
        with torch.no_grad():
            for at, parameter in enumerate(moving):
                parameter += 0.3 * cases.normal(*parameter.shape, seed=50 * seed + at)
        model.train()
        optimizer = torch.optim.SGD(moving, lr=0.1)
        for step in range(4 + seed):
            optimizer.zero_grad()
            inputs = data[0] * (1 + seed) + 0.5 * seed + 0.1 * step
            cross_entropy(model(inputs), data[1]).backward()
            optimizer.step()
        for name, buffer in model.named_buffers():
            if name.endswith("centre"):
                buffer += 0.1 * (seed + 1)
        found.append(model.eval())
    return found


def loss(model, data):
    """The plain loss of a module as it is."""
    with torch.no_grad():
        return float(cross_entropy(model(data[0]), data[1]))


def mixed(models, weights):
    """The module whose parameters and buffers are those of others, weighted by hand."""
    made, tables = copy.deepcopy(models[0]), [model.state_dict() for model in models]
    values = {}
    for name, first in tables[0].items():
        values[name] = first
        if first.is_floating_point():
            values[name] = sum(w * table[name] for w, table in zip(weights, tables, strict=True))
        if name.endswith("running_var"):
            values[name] = values[name].clamp_min(0)
    made.load_state_dict(values)
    return made


def at(found, alpha, beta=None):
    """The training loss of a slice at a point."""
    where = {"alpha": alpha} | ({} if beta is None else {"beta": beta})
    return float(found["loss"].sel(split="train").sel(where, method="nearest"))


def shown(models, data, *, model=None, given=None, **more):
    """The slice through models, with -1, 0, 1 and the halves between on both sides."""
    rule = Plane.through(*(given or models))
    more = {"resolution": 5, "measures": {}} | more
    return landscape(model or models[0], cross_entropy, data, directions=rule, **more)


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("kind", ["modules", "dictionaries"])
@pytest.mark.parametrize("count", [2, 3])
def test_each_states_own_loss_lies_at_its_point(name, kind, count):
    make, examples = MADE[name]
    data = examples(20)
    models = states(make, data, count)
    given = models if kind == "modules" else [model.state_dict() for model in models]
    found = shown(models, data, given=given)
    assert found.attrs["batch_norm"] == "interpolated"
    assert "interpolated linearly between the given states" in found.attrs["statistics"]
    for model, corner in zip(models, CORNERS, strict=False):
        expected = loss(model, data)
        assert at(found, *corner[: count - 1]) == pytest.approx(expected, rel=1e-12)
    for alpha, beta in ((0.5, 0.5), (0.5, 0.0), (-1.0, 1.0), (-1.0, -1.0)):
        place = (alpha, beta)[: count - 1]
        weights = (1 - sum(place), *place)
        expected = loss(mixed(models, weights), data)
        assert at(found, *place) == pytest.approx(expected, rel=1e-9)


def test_the_model_that_is_given_need_not_be_one_of_the_states():
    data = cases.vectors()
    *models, other = states(flat, data, 4)
    found = shown(models, data, model=other)
    for model, corner in zip(models, CORNERS, strict=True):
        assert at(found, *corner) == pytest.approx(loss(model, data), rel=1e-12)
    found = shown(models, data, model=other, batch_norm="running")
    assert at(found, 0, 0) == pytest.approx(loss(models[0], data), rel=1e-12)


def test_float32_and_gradients_are_those_of_the_state():
    data = cases.vectors()
    models = states(flat, data)
    found = shown(models, data, dtype=torch.float32)
    for model, corner in zip(models, CORNERS, strict=True):
        assert at(found, *corner) == pytest.approx(loss(model, data), rel=1e-5)
    found = shown(models, data, measures={"gradient": GradientNorm()})
    last = models[2]
    last.zero_grad()
    cross_entropy(last(data[0]), data[1]).backward()
    length = torch.cat([p.grad.reshape(-1) for p in last.parameters()]).norm()
    place = found["gradient"].sel(split="train").sel(alpha=0, beta=1)
    assert float(place) == pytest.approx(float(length), rel=1e-10)


def test_other_choices_are_as_they_were():
    data = cases.vectors()
    models = states(flat, data, 2)
    running = shown(models, data, batch_norm="running")
    stale = copy.deepcopy(models[1])
    values = models[1].state_dict() | dict(models[0].named_buffers())
    stale.load_state_dict(values)
    assert at(running, 1) == pytest.approx(loss(stale, data), rel=1e-10)
    assert running.attrs["statistics"] == "the centre's stored statistics at every point"
    batch = shown(models, data, batch_norm="batch")
    with torch.no_grad():
        own = float(cross_entropy(copy.deepcopy(models[1]).train()(data[0]), data[1]))
    assert at(batch, 1) == pytest.approx(own, rel=1e-10)


def test_bare_vectors_say_nothing_of_the_buffers_and_the_slice_says_so():
    data = cases.vectors()
    models = states(flat, data, 2)
    vectors = [nn.utils.parameters_to_vector(model.parameters()).detach() for model in models]
    found = shown(models, data, given=vectors)
    assert found.attrs["batch_norm"] == "running"
    assert "not known" in found.attrs["statistics"]
    with pytest.raises(SpecError, match=r"batch_norm must be running, batch or reestimated.*inter"):
        shown(models, data, given=vectors, batch_norm="interpolated")
    mixture = shown(models, data, given=[models[0], vectors[1]])
    assert mixture.attrs["batch_norm"] == "running"


@pytest.mark.parametrize("directions", [None, PCA()])
def test_a_plane_through_one_state_alone_is_refused(directions):
    data = cases.vectors()
    models = states(flat, data, 4)
    path = [model.state_dict() for model in models]
    with pytest.raises(SpecError, match=r"batch_norm must be running, batch or reestimated.*inter"):
        landscape(
            models[0], cross_entropy, data, directions=directions, path=path,
            batch_norm="interpolated", resolution=3,
        )  # fmt: skip


@pytest.mark.parametrize("dimensions", [1, 2])
def test_endpoints_of_saved_states_show_their_own_losses(dimensions):
    data = cases.vectors()
    models = states(flat, data, 3)
    path = [models[i].state_dict() for i in (0, 2, 1)]
    parts = {"train": ModelObjective(models[1], cross_entropy, *data)}
    read = probe_of(parts, Endpoints(), {}, path=path, dimensions=dimensions)
    thetas = torch.stack([read.parts["train"].layout.join(one) for one in path])
    coords = read.plane.coords(thetas).numpy()
    values = read(coords)[0, 0]
    ends = (0, 2) if dimensions == 1 else (0, 1, 2)
    for index in ends:
        model = models[(0, 2, 1)[index]]
        assert values[index] == pytest.approx(loss(model, data), rel=1e-12)


@pytest.mark.parametrize("options", [{}, {"orthogonal": True}, {"length": "unit"}])
def test_files_of_states_are_read_with_their_buffers(tmp_path, options):
    data = cases.vectors()
    models = states(flat, data, 3)
    files = [str(tmp_path / f"{number}.pt") for number in (1, 2)]
    for file, model in zip(files, models[1:], strict=True):
        torch.save(model.state_dict(), file)
    rule = Between(first=files[0], second=files[1], **options)
    read = probe_of({"train": ModelObjective(models[0], cross_entropy, *data)}, rule, {})
    thetas = [nn.utils.parameters_to_vector(m.parameters()).detach() for m in models]
    values = read(read.plane.coords(torch.stack(thetas)).numpy())[0, 0]
    np.testing.assert_allclose(values, [loss(model, data) for model in models], rtol=1e-12)
    np.save(tmp_path / "2.npy", thetas[2].numpy())
    bare = Between(first=files[0], second=str(tmp_path / "2.npy"))
    found = landscape(models[0], cross_entropy, data, directions=bare, resolution=3, measures={})
    assert "not known" in found.attrs["statistics"]


def test_states_that_differ_in_what_is_held_fixed_are_refused(tmp_path):
    data = cases.vectors()
    models = states(lambda: flat(frozen=True), data, 2)
    with torch.no_grad():
        models[1][0].weight += 1
    with pytest.raises(PlaneError, match=r"point 2 differs from the network in 0\.weight"):
        shown(models, data)
    torch.save(models[1].state_dict(), tmp_path / "b.pt")
    rule = Between(first=str(tmp_path / "b.pt"))
    with pytest.raises(PlaneError, match=r"b\.pt differs from the network in 0\.weight"):
        landscape(models[0], cross_entropy, data, directions=rule, dimensions=1)


def test_layers_held_fixed_leave_the_states_aside_unless_they_agree(tmp_path):
    data = cases.vectors()
    models = states(flat, data, 2)
    torch.save(models[1].state_dict(), tmp_path / "b.pt")
    rule = Between(first=str(tmp_path / "b.pt"), layers="0")
    options = {"dimensions": 1, "resolution": 3, "measures": {}}
    found = landscape(models[0], cross_entropy, data, directions=rule, **options)
    assert found.attrs["batch_norm"] == "running"
    tuned = copy.deepcopy(models[0])
    tuned.load_state_dict(
        {n: models[1].state_dict()[n] if n[0] in "01" and n[:8] != "1.weight" and n != "1.bias"
         else v for n, v in models[0].state_dict().items()}
    )  # fmt: skip
    torch.save(tuned.state_dict(), tmp_path / "b.pt")
    found = landscape(models[0], cross_entropy, data, directions=rule, **options)
    assert at(found, 1) == pytest.approx(loss(tuned, data), rel=1e-12)


def test_points_of_another_network_and_other_things_are_refused():
    data = cases.vectors()
    models = states(flat, data, 2)
    with pytest.raises(PlaneError, match="another network's"):
        shown(models, data, given=[models[0], cases.mlp()])
    with pytest.raises(PlaneError, match="2 or 3 points"):
        Plane.through(models[0])
    with pytest.raises(PlaneError, match=r"one size|coincide|zero"):
        shown(models, data, given=[models[0], copy.deepcopy(models[0])])


def test_the_store_tells_other_buffers_apart(tmp_path):
    data = cases.vectors()
    models = states(flat, data, 2)
    parts = {"train": ModelObjective(models[0], cross_entropy, *data)}
    other = copy.deepcopy(models[1])
    other[1].running_mean += 1.0
    grid = Grid.square(1.0, 5)
    keys = {
        slice_key(probe_of(parts, Plane.through(models[0], last), {}, strategy="loop"), grid)
        for last in (models[1], other)
    }
    assert len(keys) == 2
    store = Store(tmp_path)
    first = shown(models, data, store=store)
    again = shown(models, data, store=store)
    assert first.identical(again)
    changed = shown([models[0], other], data, store=store)
    assert at(changed, 1) == pytest.approx(loss(other, data), rel=1e-12)


def test_a_network_without_buffers_is_as_it_was():
    data = cases.vectors()
    one, other = cases.mlp(), cases.mlp(seed=3)
    vectors = [nn.utils.parameters_to_vector(m.parameters()).detach() for m in (one, other)]
    parts = {"train": ModelObjective(one, cross_entropy, *data)}
    bare, full = (
        probe_of(parts, Plane.through(*given), {}, strategy="vmap")
        for given in (vectors, (one, other))
    )
    assert full.parts["train"].batch_norm == "running"
    assert slice_key(bare, Grid()) == slice_key(full, Grid())
    found = landscape(one, cross_entropy, data, directions=Plane.through(one, other), resolution=3)
    assert "statistics" not in found.attrs


@pytest.mark.parametrize("strategy", ["vmap", "plane_algebra", "shared_layers", "cuda_graph"])
def test_moving_buffers_are_read_point_by_point_alone(strategy):
    data = cases.vectors()
    models = states(flat, data, 2)
    assert shown(models, data).attrs["strategy"] == ["loop"]
    with pytest.raises(SpecError, match="strategy"):
        shown(models, data, strategy=strategy)


def test_a_plane_keeps_its_buffers_when_it_is_turned_and_moved_within_itself():
    data = cases.vectors()
    models = states(flat, data, 3)
    parts = {"train": ModelObjective(models[0], cross_entropy, *data)}
    plane = probe_of(parts, Plane.through(*models), {}, strategy="loop").plane
    thetas = plane.points(torch.tensor(CORNERS, dtype=torch.float64))
    turned = plane.flipped([True, False]).spanned_by(-plane.axes.flip(0))
    for other in (turned, plane.at(thetas[2]), plane.in_double(), plane.to("cpu")):
        for theta, model in zip(thetas, models, strict=True):
            buffers = other.buffers.at(other.coords(theta[None])[0])
            for name, value in model.named_buffers():
                if value.is_floating_point():
                    torch.testing.assert_close(buffers[name], value, rtol=1e-9, atol=1e-9)
    away = plane.at(plane.origin + 1)
    assert away.buffers is None
    assert away.states == 1


class Counting(nn.Module):
    """Changes what it holds in its forward, which moves along the plane as well."""

    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(1, dtype=torch.float64))

    def forward(self, x):
        self.seen += 1.0
        return x + 0.1 * self.seen


def test_a_buffer_that_the_forward_changes_begins_as_the_states_own():
    data = cases.vectors()

    def make():
        return nn.Sequential(Counting(), *flat())

    models = states(make, data)
    expected = [loss(copy.deepcopy(model), data) for model in models]
    seen = [float(model[0].seen) for model in models]
    assert len(set(seen)) == 3
    found = shown(models, data)
    for value, corner in zip(expected, CORNERS, strict=True):
        assert at(found, *corner) == pytest.approx(value, rel=1e-12)
    assert [float(model[0].seen) for model in models] == seen


def test_whole_numbers_stay_those_of_the_origin_and_no_variance_falls_below_zero():
    data = cases.vectors()
    models = states(flat, data, 2)
    parts = {"train": ModelObjective(models[1], cross_entropy, *data)}
    plane = probe_of(parts, Plane.through(*models), {}, strategy="loop").plane
    buffers = plane.buffers.at(torch.tensor([100.0]))
    tables = [dict(model.named_buffers()) for model in models]
    assert int(buffers["1.num_batches_tracked"]) == int(tables[0]["1.num_batches_tracked"])
    assert tables[0]["1.num_batches_tracked"] != tables[1]["1.num_batches_tracked"]
    for table, coord in ((tables[0], -100.0), (tables[1], 100.0)):
        moved = plane.buffers.at(torch.tensor([coord]))
        assert all(bool((moved[name] >= 0).all()) for name in table if name.endswith("_var"))


def test_maps_over_the_plane_take_the_same_buffers():
    data = cases.vectors()
    models = states(flat, data, 3)
    parts = {"train": ModelObjective(models[0], cross_entropy, *data)}
    read = probe_of(parts, Plane.through(*models), {}, strategy="loop")
    part, plane = read.parts["train"], read.plane
    *_, found = field(part, plane, Grid.square(1.0, 3))
    last = models[2]
    last.zero_grad()
    cross_entropy(last(data[0]), data[1]).backward()
    length = torch.cat([p.grad.reshape(-1) for p in last.parameters()]).norm()
    assert float(found["length"].sel(alpha=0, beta=1)) == pytest.approx(float(length), rel=1e-10)
    for model, corner in zip(models, CORNERS, strict=True):
        coord = torch.tensor(corner, dtype=torch.float64)
        value = at_coord(part, plane, coord).loss(plane.points(coord[None])[0])
        assert float(value) == pytest.approx(loss(model, data), rel=1e-12)
