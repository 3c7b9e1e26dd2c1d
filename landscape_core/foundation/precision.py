"""The precision in which networks are evaluated: full, whatever the process has allowed before.

Graphics cards by default round the products of convolutions to 10 bits of mantissa (TF32), and a
process may let processors round to 7 (bfloat16) or cast on the way (autocast). Both are errors of
about 1e-3, far above the differences that a landscape is made of.
"""

import contextlib
import functools
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch.amp.autocast_mode import is_autocast_available

FULL = ("ieee", "none")
"""Settings of torch 2.9 and later that round no product."""

OPERATIONS = {"cuda": ("matmul", "conv", "rnn"), "mkldnn": ("matmul", "conv", "rnn")}
"""What has a setting of its own, by the library that computes."""

AUTOCAST = ("cpu", "cuda", "mps", "xpu")
"""Kinds of device on which a process may have asked for casts on the way."""


class _Shared:
    """Who evaluates now: the settings are the process's, and the last who leaves sets them back."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = 0
        self.undo: list[Callable[[], Any]] = []

    def enter(self, kind: str, *, tf32: bool) -> list[Callable[[], Any]]:
        with self.lock:
            self.undo += _settle(kind, tf32=tf32)
            self.inside += 1
        return []

    def allow(self, kind: str, *, tf32: bool) -> list[Callable[[], Any]]:
        """Change the settings within a call for a while; what takes that back."""
        with self.lock:
            return _settle(kind, tf32=tf32)

    def take_back(self, undo: list[Callable[[], Any]]) -> None:
        with self.lock:
            for again in reversed(undo):
                again()

    def leave(self) -> None:
        with self.lock:
            self.inside -= 1
            if not self.inside:
                for again in reversed(self.undo):
                    again()
                self.undo = []


_shared, _here = _Shared(), threading.local()


@contextlib.contextmanager
def full_precision(device: str | torch.device = "cpu", *, tf32: bool = False) -> Iterator[None]:
    """Evaluate in the tensors' own precision; afterwards all settings are as they were.

    Within another such context of the same thread nothing changes: the outer one decides.

    Args:
        device: where the computation runs.
        tf32: let a graphics card round products to 10 bits of mantissa.
    """
    if getattr(_here, "inside", False):
        yield
        return
    kind = torch.device(device).type
    called = getattr(_here, "called", False)
    undo = _shared.allow(kind, tf32=tf32) if called else _shared.enter(kind, tf32=tf32)
    _here.inside = True
    try:
        with _without_autocast((kind,)):
            yield
    finally:
        _here.inside = False
        if called:
            _shared.take_back(undo)
        else:
            _shared.leave()


@contextlib.contextmanager
def full_precision_of_a_call() -> Iterator[None]:
    """Compute in the tensors' own precision on every device; then settings are as they were.

    An evaluation within may allow a graphics card to round (`full_precision(tf32=True)`), for as
    long as it takes.
    """
    if within_a_call():
        yield
        return
    kinds = ("cpu",) if torch.version.cuda is None else ("cpu", "cuda")
    for kind in kinds:
        _shared.enter(kind, tf32=False)
    _here.called = True
    try:
        with _without_autocast(AUTOCAST):
            yield
    finally:
        _here.called = False
        for _ in kinds:
            _shared.leave()


def within_a_call() -> bool:
    """Whether this thread computes in full precision already."""
    return getattr(_here, "called", False) or getattr(_here, "inside", False)


@contextlib.contextmanager
def _without_autocast(kinds: Iterable[str]) -> Iterator[None]:
    """Cast nothing on the way, on these kinds of device."""
    if not torch._C._is_any_autocast_enabled():
        yield
        return
    with contextlib.ExitStack() as stack:
        for kind in kinds:
            if is_autocast_available(kind) and torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        yield


def _settle(kind: str, *, tf32: bool) -> list[Callable[[], Any]]:
    """Change the settings that are not as asked; what sets each back, in this order."""
    library = "cuda" if kind == "cuda" else "mkldnn"
    if not hasattr(torch._C, "_set_fp32_precision_setter"):  # before torch 2.9
        return _settle_flags(tf32=tf32)
    allowed = ("tf32",) if tf32 and kind == "cuda" else FULL
    found = [_get(library, operation) for operation in OPERATIONS[library]]
    if all(one in allowed for one in found):
        return []
    # What is not set by itself follows its library, and that follows the general setting. They are
    # read one behind the other, so that each gets back what it was itself.
    general = _get("generic", "all")
    _set("generic", "all", "none")
    whole = _get(library, "all")
    undo: list[Callable[[], Any]] = [lambda: _set("generic", "all", general)]
    undo.append(lambda: _set(library, "all", whole))
    _set(library, "all", allowed[0])
    for operation in OPERATIONS[library]:
        own = _get(library, operation)
        if own not in allowed:
            _set(library, operation, allowed[0])
            undo.append(functools.partial(_set, library, operation, own))
    return undo


def _get(library: str, operation: str) -> str:
    return str(torch._C._get_fp32_precision_getter(library, operation))


def _set(library: str, operation: str, precision: str) -> None:
    torch._C._set_fp32_precision_setter(library, operation, precision)


def _settle_flags(*, tf32: bool) -> list[Callable[[], Any]]:
    """The same by the flags of earlier versions of torch."""
    cudnn, before = torch.backends.cudnn, torch.get_float32_matmul_precision()
    allowed = cudnn.allow_tf32
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    cudnn.allow_tf32 = tf32
    return [
        lambda: torch.set_float32_matmul_precision(before),
        lambda: setattr(cudnn, "allow_tf32", allowed),
    ]
