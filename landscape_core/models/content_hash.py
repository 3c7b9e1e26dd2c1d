"""A digest of what was asked, by content, never by name or time.

Weights, axes and data go in as their bytes, recipes as their classes and fields, and the user's own
functions and modules as their code with all that it refers to. An object is hashed only if all of
its state is known: what may hide some is refused.
"""

import enum
import operator
import types
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from landscape_core.foundation.errors import MissingDataError, SpecError
from landscape_core.foundation.recipes import Recipe, canonical, fields_of
from landscape_core.models.cached_functions import check_remembered
from landscape_core.models.content_classes import add_class, file_of, made
from landscape_core.models.content_code import (
    add_function,
    add_module_of_python,
    add_what_is_left,
    takes_by_any_name,
)
from landscape_core.models.content_digest import DIGESTIBLE, SUBJECT, ContentDigest, Unmade
from landscape_core.models.content_installed import check_pure
from landscape_core.models.content_networks import add_module, add_network
from landscape_core.models.content_values import (
    COLLECTIONS,
    PLAIN,
    QUICK,
    add_array,
    add_collection,
    add_enum_member,
    add_plain,
)
from landscape_core.models.datasets.base import ProblemData
from landscape_core.models.file_digests import file_digest
from landscape_core.models.installed import is_installed
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.object_parts import CACHED, own_state, parts
from landscape_core.models.user_measure import UserMeasure

GETTERS = (operator.attrgetter, operator.methodcaller)


class Content:
    """A digest that grows with what is added: equal content gives an equal digest."""

    def __init__(self) -> None:
        """Nothing added yet."""
        self._added = ContentDigest(_add)

    def digest(self) -> str:
        """The hexadecimal digest of all that was added.

        Raises:
            SpecError: a module is referred to that holds what cannot be hashed, or a method is
        called that does.
        """
        add_what_is_left(self._added)
        for name, error in self._added.untold:
            if name in self._added.mentioned or takes_by_any_name(self._added):
                raise error
        return self._added.hexadecimal()

    def add(self, *things: Any) -> None:
        """Add things: plain values, tensors, recipes, functions, modules, and collections of these.

        Raises:
            SpecError: something else, for instance an open file.
        """
        self._added.add(*things)

    def add_network(self, network: nn.Module) -> None:
        """Add a network but for the values of its parameters and buffers, and for its mode.

        A plane moves the values, which are added with it, and evaluation sets the mode. Of a module
        that is no part of the network, say a teacher that the loss asks, all of it is added.

        Raises:
            SpecError: something is referred to whose content cannot be hashed.
        """
        add_network(self._added, network)


def add_objective(content: Content, part: ModelObjective) -> None:
    """Add data, network, loss and statistics of an objective, and what it has for a gradient.

    Raises:
        SpecError: something is referred to whose content cannot be hashed.
    """
    fixed = [p for p in part.module.parameters() if not p.requires_grad]
    content.add(part.inputs, part.targets, dict(part.buffers), fixed)
    content.add(part.loss_function, part.adapter, part.field, torch.get_default_dtype())
    content.add_network(part.module)
    if part.batch_norm == "reestimated" and part.reference is not part.inputs:
        content.add(part.reference)


def _add(content: ContentDigest, thing: Any) -> None:
    # What a class says it is need not be so: its type is.
    kind = type(thing)
    if kind in QUICK:
        content.word(f"{kind.__name__} {QUICK[kind](thing)}")
        return
    content.word(kind.__qualname__)
    if issubclass(kind, enum.Enum):
        add_enum_member(content, thing)
    elif issubclass(kind, Tensor | np.ndarray | np.generic):
        add_array(content, thing)
    elif issubclass(kind, PLAIN):
        add_plain(content, thing)
    elif issubclass(kind, Recipe):
        _add_recipe(content, thing)
    elif issubclass(kind, COLLECTIONS):
        add_collection(content, thing)
    else:
        _add_known(content, thing)


def _add_known(content: ContentDigest, thing: Any) -> None:
    """Add what may refer to itself, each object once; an installed one if it is pure."""
    unmade = type(thing) is Unmade
    thing = thing.kind if unmade else thing
    check_pure(content, thing)
    if issubclass(type(thing), type) and not unmade:
        content.mentioned |= dict.fromkeys(map(made, type.mro(thing)))
    if content.first(thing):
        _add_object(content, thing)


def _add_recipe(content: ContentDigest, recipe: Recipe) -> None:
    """Add a recipe by its class, its fields and the bytes of the files it reads."""
    kind = type(recipe)
    if kind is UserMeasure:
        content.add_inner(vars(recipe)["function"])
        return
    content.add_inner(kind)
    names = [field.name for field in fields_of(kind)]
    if isinstance(recipe, ProblemData):
        files = _files_of(recipe)
        content.add_inner({name: file_digest(path) for name, path in files.items()})
        names = [name for name in names if not (files and name == recipe.place)]
    for name in names:
        value = getattr(recipe, name)
        content.word(name)
        if isinstance(value, Recipe):
            content.add_inner(value)
        else:
            content.word(canonical(value))
    if not (is_installed(kind) or file_of(kind)):
        content.add_inner({name: v for name, v in vars(recipe).items() if name not in names})


def _files_of(data: ProblemData) -> dict[str, Path]:
    """The files of a data set; none where one is missing, so that nothing can be made of it."""
    try:
        return data.files()
    except MissingDataError:
        return {}


def _add_object(content: ContentDigest, thing: Any) -> None:
    kind = type(thing)
    if kind is types.FunctionType:
        add_function(content, thing)
    elif issubclass(kind, types.ModuleType):
        add_module_of_python(content, thing)
    elif issubclass(kind, type):
        add_class(content, thing)
    elif issubclass(kind, nn.Module):
        add_module(content, thing)
    else:
        _add_made_of(content, thing)


def _add_made_of(content: ContentDigest, thing: Any) -> None:
    """Add an object by its state; a path to a file with the bytes of it."""
    if type(thing) is CACHED:
        check_remembered(thing)
    if (made_of := parts(thing)) is not None:
        content.add(*made_of)
        if type(thing) in GETTERS:
            content.mentioned["attrgetter"] = None
        if isinstance(thing, Path) and thing.is_file():
            content.word(file_digest(thing))
    elif (state := own_state(thing)) is not None:
        content.add(type(thing), state)
    else:
        raise SpecError(SUBJECT, type(thing).__name__, DIGESTIBLE)
