"""The measures that are read, by name: those of the catalogue and functions of a user's own."""

from collections.abc import Callable, Mapping

from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.registry import entries
from landscape_core.models.measures.base import Measure, usual
from landscape_core.models.user_measure import UserMeasure
from landscape_core.storage import schema

Given = Measure | Callable[[Tensor, Tensor], Tensor]


def measures_by_name(given: Mapping[str, Given] | None, classes: int | None) -> dict[str, Measure]:
    """The measures by name, the loss first, functions wrapped; None: those usual for the data.

    Raises:
        SpecError: a measure that does not apply, or no measure.
    """
    found: dict[str, Measure] = {schema.LOSS: entries(Measure)[schema.LOSS]()}
    if given is None:
        return found | usual(classes)
    _check_named(given)
    for name, measure in given.items():
        found[name] = measure if isinstance(measure, Measure) else _own(name, measure)
        if not found[name].applies(classes):
            known = [n for n, kind in entries(Measure).items() if kind().applies(classes)]
            raise SpecError("measures", name, "one of " + ", ".join(known) + " for such targets")
    return found


def _check_named(given: object) -> None:
    if not isinstance(given, Mapping):
        accepted = 'measures or functions by name, for instance {"error": Error()}'
        raise SpecError("measures", given, accepted)


def _own(name: str, function: object) -> Measure:
    if name in (schema.LOSS, schema.COMPUTED, schema.SPLIT, schema.ALPHA, schema.BETA, "class"):
        raise SpecError("measures", name, "given another name: a slice uses this one")
    if not callable(function):
        raise SpecError(
            f"measures[{name!r}]", function, "a measure, or a function of (outputs, targets)"
        )
    return UserMeasure(function)
