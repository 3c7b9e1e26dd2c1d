"""What is asked of labs, checked before anything is computed: the lab, its settings, the seeds."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

import numpy as np

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import fields_of, to_plain
from landscape_core.foundation.registry import find, from_plain
from landscape_core.labs.base import LARGEST_SEED, MOST_SEEDS, Lab


def lab_of(lab: str | Lab, settings: Mapping[str, Any]) -> Lab:
    """The lab of a name, or a lab, with some of its fields changed.

    Raises:
        SpecError: no such lab, a field that it does not have, or a value that is not accepted.
    """
    if isinstance(lab, str):
        kind = find(Lab, lab)
    elif isinstance(lab, Lab):
        kind = type(lab)
    else:
        raise SpecError("lab", lab, "the name of a lab, or a lab")
    if "kind" in settings:
        accepted = "one of " + ", ".join(field.name for field in fields_of(kind))
        raise SpecError(f"a field of {kind.__name__}", "kind", accepted)
    known = {"kind": lab} if isinstance(lab, str) else to_plain(lab)
    return from_plain(Lab if isinstance(lab, str) else kind, {**known, **settings})


def check_lab(lab: object) -> None:
    """Refuse what is no lab.

    Raises:
        SpecError: a name or a class, for instance.
    """
    if not isinstance(lab, Lab):
        raise SpecError("lab", lab, "a lab itself, rather than its name or class")


def seeds_of(seeds: int | Iterable[int]) -> list[int]:
    """Distinct seeds in the order given.

    Raises:
        SpecError: none, too many, one twice, or what is no seed.
    """
    if isinstance(seeds, int | np.integer) and not isinstance(seeds, bool):
        given: Iterable[int] = range(max(0, int(seeds)))
    elif isinstance(seeds, Iterable) and not isinstance(seeds, str | bytes):
        given = seeds
    else:
        raise SpecError("seeds", seeds, "how many, or the seeds themselves")
    asked = list(islice(given, MOST_SEEDS + 1))
    if not 1 <= len(asked) <= MOST_SEEDS:
        raise SpecError("seeds", seeds, f"1 to {MOST_SEEDS:,} of them")
    for seed in asked:
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
            raise SpecError("a seed", seed, "a whole number")
        if not 0 <= seed <= LARGEST_SEED:
            raise SpecError("a seed", seed, f"between 0 and {LARGEST_SEED:,}")
    if len(set(asked)) < len(asked):
        raise SpecError("seeds", seeds, "each seed once")
    return [int(seed) for seed in asked]
