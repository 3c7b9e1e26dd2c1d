"""A checksum of examples, whatever their order: whether two passes over data gave the same."""

from typing import final

import torch
from torch import Tensor

from landscape_core.foundation import random_streams

WORDS = 2**20
"""Words of 8 bytes that are looked at together, about."""

FACTOR = 0x2545F4914F6CDD1D
"""An odd multiplier that distinguishes the words of two tensors (Vigna, 2016, xorshift*)."""


@final
class ExampleDigest:
    """The sum, modulo 2^64, of a hash of each example's bytes: the same in any order."""

    def __init__(self) -> None:
        """No examples yet."""
        self.examples, self.value = 0, 0
        self._factors: dict[int, Tensor] = {}

    def add(self, *parts: Tensor) -> None:
        """Count examples, of which each tensor has one a row."""
        found = torch.zeros(len(parts[0]), dtype=torch.int64, device=parts[0].device)
        for part in parts:
            found = _mixed(found * FACTOR + self._hashes(part).to(found.device))
        self.examples += len(found)
        self.value = (self.value + int(found.sum())) % 2**64

    def _hashes(self, part: Tensor) -> Tensor:
        """A number for each row, (N,), which changes with every bit of it."""
        rows = part.detach().reshape(len(part), -1).contiguous()
        raw = torch.view_as_real(rows).flatten(1) if rows.is_complex() else rows
        data = raw.view(torch.uint8) if raw.numel() else raw.new_zeros(len(raw), 8).byte()
        missing = -data.shape[1] % 8
        count = (data.shape[1] + missing) // 8
        if count not in self._factors:
            rng = random_streams.stream(0, "examples", count)
            drawn = torch.randint(-(2**62), 2**62, (count,), generator=rng)
            self._factors[count] = drawn * 2 + 1  # odd: each can be divided by
        factors = self._factors[count].to(data.device)
        found = []
        for some in data.split(max(1, WORDS // count)):
            words = torch.nn.functional.pad(some, (0, missing)) if missing else some
            found.append((words.contiguous().view(torch.int64) * factors).sum(dim=1))
        return torch.cat(found) if found else torch.zeros(0, dtype=torch.int64)


def _mixed(words: Tensor) -> Tensor:
    """Each word with its bits mixed, so that sums of words tell which words they are of."""
    for _ in range(2):
        words = (words ^ (words >> 32)) * -0x61C8864680B583EB
    return words ^ (words >> 29)
