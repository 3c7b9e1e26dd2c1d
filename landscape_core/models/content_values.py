"""Values and containers as a digest of content tells them: numbers, text, tensors, collections."""

import collections
import enum
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.models.content_digest import DIGESTIBLE, SUBJECT, ContentDigest
from landscape_core.models.installed import is_installed
from landscape_core.models.object_parts import attributes

PLAIN = (
    *(int, float, complex, str, bytes, range, type(None), type(...), np.dtype),
    *(torch.dtype, torch.Size, torch.device, torch.layout, torch.memory_format),
)
"""Values that their own text tells apart."""

COLLECTIONS = (dict, list, tuple, set, frozenset)

PYTHONS = {*PLAIN, *COLLECTIONS, bool, collections.OrderedDict, torch.nn.Parameter}
"""Classes that add nothing to their values."""

QUICK: dict[type, Any] = {int: hex, **dict.fromkeys((str, bool, float, type(None)), repr)}
"""How the most frequent values are hashed."""

MEMBER = {"_name_", "_value_", "__objclass__", "_sort_order_"}
"""What Python notes of a member of an enumeration."""


def add_plain(content: ContentDigest, thing: Any) -> None:
    """Add a plain value by its own text, whatever its class would say."""
    kind = type(thing)
    if issubclass(kind, int):
        content.word(f"{int.__index__(thing):x}")
    elif issubclass(kind, bytes):
        content.word(str(len(thing)))
        content.raw(bytes.__getitem__(thing, slice(None)))
    else:
        plain: Any = next(one for one in PLAIN if issubclass(kind, one))
        content.word(plain.__repr__(thing))
    _add_more(content, thing)


def add_array(content: ContentDigest, thing: Tensor | npt.NDArray[Any] | np.generic) -> None:
    """Add a tensor, an array or a number of NumPy's by type, shape and bytes.

    Raises:
        SpecError: a tensor that is not dense.
    """
    values = np.asarray(thing) if isinstance(thing, np.generic) else thing
    content.word(repr((str(values.dtype), tuple(values.shape))))
    if isinstance(values, np.ma.MaskedArray):
        content.add(values.data, np.ma.getmaskarray(values), values.fill_value)
    elif isinstance(values, np.ndarray) and values.dtype.hasobject:
        content.add_inner(values.tolist())
    elif isinstance(values, Tensor):
        with torch._C.DisableTorchFunctionSubclass():
            content.raw(_bytes_of(values))
    else:
        content.raw(np.ascontiguousarray(values).tobytes())
    _add_more(content, thing)


def add_collection(content: ContentDigest, things: Any) -> None:
    """Add a dictionary, list, tuple or set by what it holds; sets in the order of digests."""
    kind = type(things)
    if issubclass(kind, dict):
        ordered = issubclass(kind, collections.OrderedDict)
        base: Any = collections.OrderedDict if ordered else dict
        content.word(str(dict.__len__(things)))
        content.add(*[part for item in base.items(things) for part in item])
    elif issubclass(kind, list | tuple):
        held = list(list.__iter__(things) if issubclass(kind, list) else tuple.__iter__(things))
        content.word(str(len(held)))
        content.add(*held)
    else:
        base = set if issubclass(kind, set) else frozenset
        told = sorted(content.apart(one) for one in base.__iter__(things))
        content.word(repr(told))
    if issubclass(kind, collections.defaultdict):
        content.add_inner(things.default_factory)
    _add_more(content, things)


def add_enum_member(content: ContentDigest, member: enum.Enum) -> None:
    """Add a member of an enumeration by its class, name and value, and what it was given."""
    if content.first(member):
        own = {name: v for name, v in vars(member).items() if name not in MEMBER}
        content.add(type(member), member._name_, member._value_, own)


def _add_more(content: ContentDigest, thing: Any) -> None:
    """Add what a class of the user's adds to a value or a collection.

    Tensors take attributes in any case.
    """
    kind = type(thing)
    own = kind not in PYTHONS and not is_installed(kind)
    marked = issubclass(kind, Tensor) and bool(vars(thing))
    if (own or marked) and content.first(thing):
        state = attributes(thing)
        if state is None:
            raise SpecError(SUBJECT, kind.__name__, DIGESTIBLE)
        content.add(kind, state)


def _bytes_of(values: Tensor) -> bytes:
    if values.layout != torch.strided:
        raise SpecError(SUBJECT, values.layout, "dense")
    kept = values.detach().cpu().resolve_conj().resolve_neg().flatten()
    if kept.stride(0) != 1:  # so it may be of a single number
        kept = kept.clone(memory_format=torch.contiguous_format)
    return kept.view(torch.uint8).numpy().tobytes()
