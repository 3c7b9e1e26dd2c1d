"""The same answers by other means: plainer, slower, in float64, without the engine."""

import copy

import numpy as np
import torch


def dense_hessian(objective, theta):
    """The Hessian of the objective's loss at theta, (P, P), symmetric."""
    hessian = torch.autograd.functional.hessian(objective.loss, theta.detach())
    return (hessian + hessian.T) / 2


def difference_gradient(function, theta, step=1e-6):
    """Central differences of a scalar function at theta, (P,); good to about 1e-9."""
    size = len(theta)
    moves = step * torch.eye(size, dtype=torch.float64)
    with torch.no_grad():
        up = torch.stack([function(theta + move) for move in moves])
        down = torch.stack([function(theta - move) for move in moves])
    return (up - down) / (2 * step)


def difference_hessian(gradient, theta, step=1e-5):
    """Central differences of a gradient function at theta, (P, P); good to about 1e-9."""
    moves = step * torch.eye(len(theta), dtype=torch.float64)
    rows = [(gradient(theta + move) - gradient(theta - move)) / (2 * step) for move in moves]
    hessian = torch.stack(rows)
    return (hessian + hessian.T) / 2


def flat_parameters(model):
    """The trainable parameters of a model end to end, tied ones once, (P,) in float64."""
    trainable = [p for p in model.parameters() if p.requires_grad]
    return torch.cat([p.detach().double().reshape(-1) for p in trainable])


def plain_loop(model, loss, inputs, targets, origin, axes, coords):
    """What `loss(outputs, targets)` is at `origin + coords @ axes`, shape (K,).

    Point by point through `model.load_state_dict`, on a float64 copy in evaluation mode.
    `origin` is (P,), `axes` (D, P), `coords` (K, D); `loss` gives a number or one per example.
    """
    model = copy.deepcopy(model).double().eval()
    inputs = inputs.double() if inputs.is_floating_point() else inputs
    targets = targets.double() if targets.is_floating_point() else targets
    origin, axes, coords = (torch.as_tensor(part).double().cpu() for part in (origin, axes, coords))
    values = []
    for coord in coords:
        model.load_state_dict(_state_at(model, origin + coord @ axes))
        with torch.no_grad():
            values.append(float(loss(model(inputs), targets).double().mean()))
    return np.array(values)


def _state_at(model, theta):
    """The model's state with its trainable parameters taken from theta, under all their names."""
    state = {name: value.clone() for name, value in model.state_dict().items()}
    names = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if parameter.requires_grad:
            names.setdefault(id(parameter), (parameter, []))[1].append(name)
    start = 0
    for parameter, aliases in names.values():
        piece = theta[start : start + parameter.numel()].reshape(parameter.shape)
        state.update(dict.fromkeys(aliases, piece))
        start += parameter.numel()
    if start != len(theta):
        raise ValueError(f"theta has {len(theta)} numbers, the model {start}.")
    return state


def least_squares_coords(origin, axes, points):
    """The coordinates (T, D) of the points of the plane nearest to `points` (T, P)."""
    origin, axes, points = (np.asarray(part, dtype=float) for part in (origin, axes, points))
    return np.linalg.lstsq(axes.T, (points - origin).T, rcond=None)[0].T


def normalized_direction(direction, weights, norm="filter", ignore="biasbn"):
    """A direction scaled to the weights, tensor by tensor, by the rules of Li et al. (2018).

    After `net_plotter.normalize_directions_for_weights` of the authors' code: tensors of dimension
    one or none become zero (`ignore="biasbn"`) or the weights themselves (`ignore=None`); of the
    others each filter, the layer, or each entry is scaled. Both arguments are lists of arrays.
    """
    scaled = []
    for d, w in zip(direction, weights, strict=True):
        d, w = np.asarray(d, dtype=float), np.asarray(w, dtype=float)
        if d.ndim <= 1:
            scaled.append(np.zeros_like(d) if ignore == "biasbn" else w.copy())
        else:
            scaled.append(_normalized_layer(d, w, norm))
    return scaled


def _normalized_layer(d, w, norm):
    if norm == "filter":
        rows = [
            row * np.linalg.norm(filter_) / (np.linalg.norm(row) + 1e-10)
            for row, filter_ in zip(d, w, strict=True)
        ]
        return np.stack(rows)
    if norm == "layer":
        return d * np.linalg.norm(w) / np.linalg.norm(d)
    if norm == "weight":
        return d * w
    if norm == "dfilter":
        return np.stack([row / (np.linalg.norm(row) + 1e-10) for row in d])
    if norm == "dlayer":
        return d / np.linalg.norm(d)
    raise ValueError(f"No such normalization: {norm}.")
