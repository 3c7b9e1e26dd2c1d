"""A graphics card that is not there: tensors that say `cuda:0` and compute on the processor.

As on a card, tensors of both places do not mix, but for single numbers of the processor. Waits for
values, and transfers, are counted. A recording holds no memory but its own, and fails where the
processor would have to wait, as a CUDA graph does.
"""

import contextlib
from collections import Counter
from types import SimpleNamespace
from unittest.mock import patch

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

aten = torch.ops.aten
CARD, HERE = torch.device("cuda:0"), torch.device("cpu")
COPIES = (aten._to_copy.default, aten.copy_.default)
FREE = 2**30


class OnCard(Tensor):
    """A tensor on the card, whose numbers `held` has in the processor's memory."""

    @staticmethod
    def __new__(cls, held):
        form = {"strides": held.stride(), "storage_offset": held.storage_offset()}
        made = Tensor._make_wrapper_subclass(cls, held.shape, dtype=held.dtype, **form)
        made.held = held
        return made

    device = property(lambda _: CARD)
    is_cuda = property(lambda _: True)

    def __repr__(self, **_):
        return f"OnCard({self.held!r})"

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func == Tensor.data_ptr:
            return args[0].held.data_ptr()
        if func == Tensor.data.__set__:
            args[0].held = args[1].held
        with torch._C.DisableTorchFunctionSubclass():
            if func in (Tensor.cpu, Tensor.numpy, Tensor.tolist):
                brought = aten._to_copy.default(args[0].detach(), device=HERE)
                return brought if func is Tensor.cpu else getattr(brought, func.__name__)()
            if func is Tensor.to:
                return _moved(*args, *(kwargs or {}).values())
            return func(*args, **(kwargs or {}))

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _computed(func, args, kwargs or {})


class Card(TorchDispatchMode):
    """Within it the card is there. `waits`: values asked for; `up`, `down`: numbers moved.

    `captures` are the recordings begun, `entered` the devices that were made the current one.
    """

    def __init__(self):
        super().__init__()
        self.waits, self.up, self.down = 0, Counter(), Counter()
        self.graph, self.captures, self.entered = None, 0, []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        there = [t for t in tree_leaves((args, kwargs)) if isinstance(t, OnCard)]
        waits = self._noted(func, args, kwargs, there)
        if self.graph is None:
            return _computed(func, args, kwargs)
        if waits:
            self.graph.broken = True
            raise RuntimeError("operation not permitted when stream is capturing")
        found = _computed(func, args, kwargs)
        self.graph.note(func, args, kwargs, found)
        return found

    def _noted(self, func, args, kwargs, there):
        """Count a wait or a transfer; whether it was one."""
        onto = kwargs.get("device")
        if func in COPIES:
            first, source = args[0], args[1] if func is COPIES[1] else args[0]
            to_card = isinstance(first, OnCard) if onto is None else torch.device(onto) != HERE
            if to_card != isinstance(source, OnCard):
                (self.up if to_card else self.down)[source.numel()] += 1
                return True
            return False
        waits = bool(there) and func is aten._local_scalar_dense.default
        self.waits += waits
        return waits


class Graph:
    """A recording: what was done, on memory that it does not hold but for what it made itself."""

    def __init__(self, card):
        self.card, self.steps, self.made, self.broken = card, [], [], False

    def capture_begin(self, pool=None, capture_error_mode="global"):
        assert capture_error_mode == "thread_local"
        self.card.graph = self
        self.card.captures += 1
        self.card.generator.recording = True

    def capture_end(self):
        self.card.graph = None
        if self.broken:  # as torch's, which leaves the generator as it is
            raise RuntimeError("operation failed due to a previous error during capture")
        self.card.generator.recording = False

    def note(self, func, args, kwargs, found):
        results = [t for t in tree_leaves(found) if isinstance(t, Tensor)]
        own = [t.held for t in results if isinstance(t, OnCard)]
        if not own:
            return
        given = [t.held for t in tree_leaves((args, kwargs)) if isinstance(t, OnCard)]
        known = {t.untyped_storage()._cdata for t in given}
        self.made += [t for t in own if t.untyped_storage()._cdata not in known]
        plain = tree_map_only(OnCard, lambda t: _Address(t.held), (args, kwargs))
        self.steps.append(
            (func, *plain, [_Address(t.held) if isinstance(t, OnCard) else None for t in results])
        )

    def replay(self):
        with torch._C._DisableTorchDispatch():
            for func, args, kwargs, own in self.steps:
                args, kwargs = tree_map_only(_Address, lambda one: one.tensor(), (args, kwargs))
                kwargs |= {"device": HERE} if "device" in kwargs else {}
                found = [t for t in tree_leaves(func(*args, **kwargs)) if isinstance(t, Tensor)]
                for value, place in zip(found, own, strict=True):
                    if place and value.data_ptr() != place.tensor().data_ptr():
                        place.tensor().copy_(value)


class _Address:
    """Where a tensor lies; its memory is not held."""

    def __init__(self, held):
        self.form = held.storage_offset(), tuple(held.shape), held.stride()
        self.dtype, self.memory = held.dtype, StorageWeakRef(held.untyped_storage())

    def tensor(self):
        if self.memory.expired():
            raise RuntimeError("replay reads freed memory")
        storage = torch.UntypedStorage._new_with_weak_ptr(self.memory.cdata)
        return torch.empty(0, dtype=self.dtype).set_(storage, *self.form)


class Generator:
    """The card's generator, which a failed recording leaves recording."""

    def __init__(self):
        self.recording = False

    def clone_state(self):
        return Generator()

    def graphsafe_set_state(self, other):
        self.recording = other.recording

    def state(self, device=0):
        if self.recording:
            raise RuntimeError("Offset increment outside graph capture encountered unexpectedly.")
        return torch.zeros(1)


@contextlib.contextmanager
def card():
    """The card is there within, with what `torch.cuda` says and does."""
    found = Card()
    found.generator = generator = Generator()
    stream = SimpleNamespace(wait_stream=lambda _: None, synchronize=lambda: None)
    there = {
        "_lazy_init": lambda: None,
        "is_available": lambda: True,
        "device_count": lambda: 1,
        "current_device": lambda: 0,
        "synchronize": lambda: None,
        "empty_cache": lambda: None,
        "reset_peak_memory_stats": lambda: None,
        "max_memory_allocated": lambda: 0,
        "get_device_name": lambda: "a card that is not there",
        "is_current_stream_capturing": lambda: found.graph is not None,
        "default_stream": lambda: stream,
        "mem_get_info": lambda _=None: (FREE, 2 * FREE),
        "memory_reserved": lambda _=None: 0,
        "memory_allocated": lambda _=None: 0,
        "device": lambda one: contextlib.nullcontext(found.entered.append(one)),
        "Stream": lambda: stream,
        "stream": lambda _: contextlib.nullcontext(),
        "current_stream": lambda: stream,
        "graph_pool_handle": lambda: (0, 1),
        "CUDAGraph": lambda: Graph(found),
        "default_generators": (generator,),
        "get_rng_state": generator.state,
        "set_rng_state": lambda _, device=0: generator.state(),
        "manual_seed": lambda _: generator.state(),
    }
    overwrites = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        with contextlib.ExitStack() as stack:
            for name, value in there.items():
                stack.enter_context(patch.object(torch.cuda, name, value))
            stack.enter_context(found)
            yield found
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(overwrites)


def _moved(one, *wanted):
    """`one.to(...)`, which looks at the device by itself."""
    mine, dtype = one.device, one.dtype
    device = mine
    for want in wanted:
        if isinstance(want, Tensor):
            device, dtype = want.device, want.dtype
        elif isinstance(want, torch.dtype):
            dtype = want
        elif isinstance(want, str | torch.device):
            device = torch.device(want)
    if (device.type, dtype) == (mine.type, one.dtype):
        return one
    return aten._to_copy.default(one, device=device, dtype=dtype)


def _computed(func, args, kwargs):
    """What an operation gives, where its tensors lie."""
    tensors = [one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)]
    there = [one for one in tensors if isinstance(one, OnCard)]
    here = [one for one in tensors if not isinstance(one, OnCard)]
    device = kwargs.get("device")
    onto = torch.device(device).type if device is not None else "cuda" if there else "cpu"
    mixed = there and any(one.ndim and not hasattr(one, "anywhere") for one in here)
    if mixed and func not in COPIES:
        raise RuntimeError(f"Expected all tensors to be on the same device: {func}")
    plain, named = tree_map_only(OnCard, lambda one: one.held, (args, kwargs))
    if device is not None:
        named["device"] = HERE
    found = func(*plain, **named)
    if func is COPIES[1]:
        return args[0]
    if onto != "cuda":
        if not tensors and "layout" in kwargs and "pin_memory" not in kwargs:
            found.anywhere = True  # made within torch, where both kinds of tensor look alike
        return found
    known = {id(one.held): one for one in there}
    return tree_map_only(
        Tensor, lambda one: known[id(one)] if id(one) in known else OnCard(one), found
    )
