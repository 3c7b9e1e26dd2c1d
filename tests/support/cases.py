"""Small objectives whose answers are known, in float64."""

import os
import socket
import stat

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from landscape_core.foundation import random_streams
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Layout


class Quadratic(Objective):
    """The mean over examples i of ½ (θ − cᵢ)ᵀ H (θ − cᵢ), for a symmetric H and centres c (N, P).

    The gradient is H (θ − mean c), the Hessian H; for a positive definite H the minimum is mean c.
    """

    def __init__(self, hessian, centres):
        self.hessian = torch.as_tensor(hessian, dtype=torch.float64)
        self.centres = torch.as_tensor(centres, dtype=torch.float64)
        self.examples, size = self.centres.shape
        self.layout = Layout.of_shapes({"theta": (size,)})
        self.minimum = self.centres.mean(0)

    def loss(self, theta):
        offsets = theta - self.centres
        return 0.5 * ((offsets @ self.hessian) * offsets).sum(1).mean()

    def restricted(self, indices):
        return Quadratic(self.hessian, self.centres[indices])


class Calls(list):
    """What a hook notes, shared with all copies of the hook: plain lists are copied with it."""


def normal(*shape, seed=0):
    """Standard normal numbers of that shape."""
    return torch.randn(*shape, generator=random_streams.stream(seed, "test"), dtype=torch.float64)


def bowl(eigenvalues, *, seed=0, examples=1):
    """A quadratic with these eigenvalues along random orthogonal directions."""
    eigenvalues = torch.as_tensor(eigenvalues, dtype=torch.float64)
    size = len(eigenvalues)
    basis, _ = torch.linalg.qr(normal(size, size, seed=seed))
    hessian = basis @ eigenvalues.diag() @ basis.T
    return Quadratic((hessian + hessian.T) / 2, normal(examples, size, seed=seed + 1))


def filled(module, *, seed=0):
    """The module in float64, with parameters and running statistics that are nothing special."""
    rng = random_streams.stream(seed, "weights")
    module = module.double()
    with torch.no_grad():
        for parameter in module.parameters():
            scale = parameter[0].numel() ** -0.5 if parameter.dim() > 1 else 0.3
            noise = torch.randn(parameter.shape, generator=rng, dtype=torch.float64)
            parameter.copy_(scale * noise + (0.5 if parameter.dim() < 2 else 0.0))
        for name, buffer in module.named_buffers():
            noise = torch.rand(buffer.shape, generator=rng, dtype=torch.float64)
            if name.endswith("running_mean"):
                buffer.copy_(noise - 0.5)
            elif name.endswith("running_var"):
                buffer.copy_(noise + 0.5)
    return module


class Residual(nn.Module):
    """A small residual network with batch normalization, for images (N, 1, 6, 6)."""

    def __init__(self, channels=3, classes=3):
        super().__init__()
        self.stem = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(channels)
        self.head = nn.Linear(channels, classes)

    def forward(self, images):
        hidden = self.stem_norm(self.stem(images)).tanh()
        branch = self.first_norm(self.first(hidden)).tanh()
        hidden = (hidden + self.second_norm(self.second(branch))).tanh()
        return self.head(hidden.mean((2, 3)))


def mlp(*, seed=0):
    """A network 3-5-4-3 with smooth activations."""
    layers = [nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3)]
    return filled(nn.Sequential(*layers), seed=seed)


def residual(*, seed=0):
    """The residual network with running statistics far from what a batch of ours has."""
    return filled(Residual(), seed=seed)


def vectors(examples=20, *, seed=0):
    """Inputs (N, 3) and classes (N,)."""
    return normal(examples, 3, seed=seed), classes(examples, seed=seed)


def images(examples=12, *, seed=0):
    """Images (N, 1, 6, 6) and classes (N,)."""
    return normal(examples, 1, 6, 6, seed=seed), classes(examples, seed=seed)


def classes(examples, *, seed=0):
    """Classes 0, 1, 2 at random."""
    return torch.randint(3, (examples,), generator=random_streams.stream(seed, "classes"))


def mlp_objective(*, seed=0, examples=20):
    """The mean cross-entropy of the MLP."""
    return ModelObjective(mlp(seed=seed), cross_entropy, *vectors(examples, seed=seed))


def rectified_objective(*, seed=0, examples=20):
    """The mean cross-entropy of an MLP 3-5-4-3 with ReLU."""
    layers = [nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)]
    network = filled(nn.Sequential(*layers), seed=seed)
    return ModelObjective(network, cross_entropy, *vectors(examples, seed=seed))


def residual_objective(*, seed=0, examples=12, batch_norm="running"):
    """The mean cross-entropy of the residual network."""
    data = images(examples, seed=seed)
    return ModelObjective(residual(seed=seed), cross_entropy, *data, batch_norm=batch_norm)


def place_of(kind, folder):  # noqa: C901 - a branch a kind
    """A place that holds no regular file, and what the message calls it."""
    place = folder / "run.nc"
    if kind == "named pipe":
        os.mkfifo(place)
    elif kind == "link to a file":
        (folder / "other.nc").write_text("other")
        place.symlink_to(folder / "other.nc")
    elif kind == "dangling link":
        place.symlink_to(folder / "nothing")
    elif kind == "link to a folder":
        place.symlink_to(folder.parent)
    elif kind == "folder":
        place.mkdir()
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(os.path.relpath(place))  # whose length is limited
    elif kind == "device":
        try:
            os.mknod(place, stat.S_IFCHR | 0o600, os.makedev(1, 3))
        except PermissionError:
            pytest.skip("only root makes devices")
    return place


SPECIAL = {
    "named pipe": "a named pipe",
    "link to a file": "a symbolic link",
    "dangling link": "a symbolic link",
    "link to a folder": "a symbolic link",
    "folder": "a folder",
    "socket": "a socket",
    "device": "a device",
}
"""How the places of `place_of` are called in messages."""


def walk(optimizer, objective, theta, steps):
    """The iterates of full-batch steps, the start included, and the last memory."""
    memory, thetas = optimizer.init(theta), [theta]
    for _ in range(steps):
        theta, memory = optimizer.step(objective, theta, memory)
        thetas.append(theta)
    return torch.stack(thetas), memory
