"""Random labels: Zhang, Bengio, Hardt, Recht, Vinyals, 2017, arXiv:1611.03530, section 2.1.

"Partially corrupted labels": independently with a probability p, the label of a training example is
replaced by a class that is drawn uniformly, the true one included. The paper does this for classes;
here the targets of a regression are permuted among the examples that are drawn, which keeps their
distribution. Test examples keep their labels.
"""

import torch
from torch import Tensor

from landscape_core.foundation import random_streams
from landscape_core.models.datasets.base import Data, Split


def with_random_labels(split: Split, probability: float, seed: int) -> Split:
    """The sets with random labels in training; the same object for a probability of 0.

    What is random for one probability is so for every greater one, with the same new class.

    Args:
        split: both sets.
        probability: of an example to get a random label.
        seed: of the data.
    """
    if probability == 0:
        return split
    rng = random_streams.numpy_stream(seed, "random labels")
    count = len(split.train.targets)
    chosen = torch.from_numpy(rng.random(count) < probability)
    targets = split.train.targets.clone()
    if split.classes is None:
        rows = chosen.nonzero()[:, 0]
        targets[rows] = targets[rows[torch.from_numpy(rng.permutation(len(rows)))]]
    else:
        drawn: Tensor = torch.from_numpy(rng.integers(0, split.classes, count))
        targets = torch.where(chosen, drawn, targets)
    return Split(Data(split.train.inputs, targets), split.test, split.classes)
