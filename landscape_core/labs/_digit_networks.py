"""Several small ReLU networks 64-32-32-10 on digits at once, as batches of matrices.

Thousands of steps of networks of this size are an order of magnitude faster like this than one
network after the other; weights and images are float64.
"""

from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from landscape_core.foundation.random_streams import stream
from landscape_core.models.datasets.digits import DEVIATION, MEAN, Digits

SIZES = (64, 32, 32, 10)

Layers = list[Tensor]
"""Weights (R, out, in) and biases (R, out, 1) in turn, for R networks at once."""


def digits(seed: int, trained: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pixels from 0 to 1, (64, N), and digits (N,): for training, and for the test."""
    split = Digits(points=trained).build(seed)
    found: list[Tensor] = []
    for part in (split.train, split.test):
        pixels = part.inputs.double() * DEVIATION + MEAN
        found += [pixels.T.contiguous(), part.targets]
    inputs, labels, tests, test_labels = found
    return inputs, labels, tests, test_labels


def start(seed: int, networks: int) -> Layers:
    """The same network several times, uniform on ±1/√fan-in as in PyTorch."""
    drawn = stream(seed, "init")
    layers: Layers = []
    for fan_in, fan_out in pairwise(SIZES):
        for shape in ((fan_out, fan_in), (fan_out, 1)):
            uniform = 2 * torch.rand(*shape, generator=drawn, dtype=torch.float64) - 1
            layers.append((uniform / fan_in**0.5).repeat(networks, 1, 1))
    return layers


def activations(theta: Layers, inputs: Tensor) -> list[Tensor]:
    """The inputs, the hidden activations and the logits, (R, units, N)."""
    found = [inputs.expand(len(theta[0]), *inputs.shape)]
    for weight, bias in zip(theta[::2], theta[1::2], strict=True):
        values = torch.baddbmm(bias, weight, found[-1])
        found.append(values.relu() if len(found) < len(SIZES) - 1 else values)
    return found


def losses(theta: Layers, inputs: Tensor, labels: Tensor) -> Tensor:
    """The mean cross-entropy of each network: (R,)."""
    logits = activations(theta, inputs)[-1]
    every = cross_entropy(logits, labels.expand(len(logits), -1), reduction="none")
    return every.mean(1)


def accuracy(theta: Layers, inputs: Tensor, labels: Tensor) -> Tensor:
    """The fraction of images that each network classifies correctly: (R,)."""
    return (activations(theta, inputs)[-1].argmax(1) == labels).double().mean(1)


def gradient(theta: Layers, inputs: Tensor, labels: Tensor) -> Layers:
    """The gradient of the mean cross-entropy of each network."""
    hidden = activations(theta, inputs)
    target = one_hot(labels, SIZES[-1]).T
    error = (hidden[-1].softmax(1) - target) / len(labels)
    found: Layers = []
    for k in reversed(range(len(SIZES) - 1)):
        found += [error.sum(2, keepdim=True), error @ hidden[k].mT]
        if k:
            error = (theta[2 * k].mT @ error) * (hidden[k] > 0)
    return found[::-1]
