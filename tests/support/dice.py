"""Random choices from a generator of their own: no global stream is asked or moved."""

import torch


class Dice:
    """What is drawn for one seed, in the order in which it is asked for."""

    def __init__(self, seed):
        self.rng = torch.Generator().manual_seed(1_000_003 * seed + 17)

    def whole(self, low, high):
        """A whole number from low to high, both included."""
        return int(torch.randint(low, high + 1, (), generator=self.rng))

    def real(self, low, high):
        """A number from low to high."""
        return low + (high - low) * float(torch.rand((), generator=self.rng, dtype=torch.float64))

    def chance(self, share):
        """True for that share of the draws."""
        return self.real(0.0, 1.0) < share

    def one_of(self, things):
        """One of the things."""
        things = list(things)
        return things[self.whole(0, len(things) - 1)]

    def normal(self, *shape):
        """Standard normal numbers in float64."""
        return torch.randn(shape, generator=self.rng, dtype=torch.float64)

    def classes(self, count, *shape):
        """Classes from 0 to count - 1."""
        return torch.randint(count, shape, generator=self.rng)
