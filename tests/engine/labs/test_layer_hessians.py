"""Spectra of layers against the blocks of a Hessian by finite differences."""

import numpy as np
import pytest
import torch

from landscape_core.labs import layer_hessians


@pytest.fixture(scope="module")
def network():
    return layer_hessians.examples(3, points=100, noise=0.1).objective(3, "tanh")


def test_the_spectrum_of_a_layer_is_that_of_its_diagonal_block(network):
    spectra = layer_hessians.spectra_of(network, network.start)
    assert sum(len(each) for each in spectra[:-1]) == len(spectra[-1]) == network.layout.size
    span = layer_hessians.spans(network.layout)[-1]
    size, step = span.stop - span.start, 1e-5
    block = np.zeros((size, size))
    for i in range(size):
        move = torch.zeros_like(network.start)
        move[span.start + i] = step
        rise = network.gradient(network.start + move) - network.gradient(network.start - move)
        block[i] = rise[span].numpy() / (2 * step)
    np.testing.assert_allclose(np.linalg.eigvalsh((block + block.T) / 2), spectra[-2], atol=1e-7)


def test_the_traces_of_layers_add_up_to_that_of_the_whole(network):
    spectra = layer_hessians.spectra_of(network, network.start)
    assert sum(each.sum() for each in spectra[:-1]) == pytest.approx(spectra[-1].sum())


def test_spectra_that_differ_by_a_factor_have_no_distance():
    values = np.array([-0.1, 0.0, 0.5, 2.0])
    assert layer_hessians.distance(values, 7 * values) == pytest.approx(0, abs=1e-15)
    assert layer_hessians.distance(values, values**2) > 0.01


def test_a_density_of_logarithms_has_the_integral_one_and_its_peak_at_the_values():
    found = layer_hessians.density(np.full(5, -1e-3))
    spacing = layer_hessians.DECADES[1] - layer_hessians.DECADES[0]
    assert found.sum() * spacing == pytest.approx(1, rel=1e-3)
    assert layer_hessians.DECADES[found.argmax()] == pytest.approx(-3, abs=spacing)


def test_a_fraction_of_the_training_labels_is_random_and_none_of_the_test_labels():
    clean, noisy = (layer_hessians.examples(1, points=400, noise=noise) for noise in (0.0, 0.5))
    changed = float((clean.targets != noisy.targets).double().mean())
    assert 0.35 < changed < 0.55
    assert torch.equal(clean.test_targets, noisy.test_targets)
    assert torch.equal(clean.inputs, noisy.inputs)
