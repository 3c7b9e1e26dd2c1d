"""Filter normalization by `loss-landscapes` 3.0.6, or by the code of Li et al. where it lies.

    python -m peers.filters source.pt target.pt [checkout of github.com/tomgoldstein/loss-landscape]

The source holds lists of tensors, `weights` and `drawn`; the target gets `drawn`, normalized.
"""

import sys
from types import ModuleType

import torch
from torch import Tensor


def packaged(drawn: list[Tensor], weights: list[Tensor]) -> None:
    from loss_landscapes.model_interface.model_parameters import ModelParameters

    ModelParameters(drawn).filter_normalize_(ModelParameters(weights))


def original(drawn: list[Tensor], weights: list[Tensor], checkout: str) -> None:
    """By `net_plotter`, without what it imports to read and write files."""
    for name in ("h5py", "h5_util", "model_loader"):
        sys.modules[name] = ModuleType(name)
    sys.path.insert(0, checkout)
    from net_plotter import normalize_directions_for_weights

    normalize_directions_for_weights(drawn, weights, norm="filter", ignore="biasbn")


def main() -> None:
    source, target, *checkout = sys.argv[1:]
    given = torch.load(source, weights_only=True)
    (original if checkout else packaged)(given["drawn"], given["weights"], *checkout)
    torch.save(given["drawn"], target)


if __name__ == "__main__":
    main()
