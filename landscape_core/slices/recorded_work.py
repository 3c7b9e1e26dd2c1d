"""Work on a graphics card that is recorded once and replayed without Python, as a CUDA graph.

What is recorded are addresses (Nguyen et al., Accelerating PyTorch with CUDA Graphs, 2021): a
recording holds every tensor that it reads, as memory that was freed would be read all the same.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, final

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from landscape_core.models.generators import ALONE

Work = Callable[[], Tensor]

WARM_UPS = 3
"""Evaluations before the recording, as libraries choose their kernels in the first ones."""

WAITING = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
"""Tags of operations whose result the processor has to know before it goes on."""

COPYING = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)

MASKS = (torch.bool, torch.uint8)


@final
class Recording:
    """Work that a card repeats; it gives the same tensor each time, filled anew.

    `held` are the tensors that it reads and has not made itself.
    """

    def __init__(self, work: Work, device: torch.device) -> None:
        """Record the work.

        Args:
            work: does the same on the card whenever it is called, and nothing else.
            device: the card that its tensors lie on.

        Raises:
            RuntimeError: the work cannot be recorded, as it asks the processor on the way.
        """
        with ALONE, torch.cuda.device(device):
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                with _Watched():
                    work()
                for _ in range(WARM_UPS - 1):
                    work()
                side.synchronize()
                self._graph, self._found, self.held = _captured(work, device)
            torch.cuda.current_stream().wait_stream(side)

    def __call__(self) -> Tensor:
        """The result of the work on what its tensors hold now."""
        self._graph.replay()
        return self._found


def _captured(work: Work, device: torch.device) -> tuple[Any, Tensor, Sequence[Tensor]]:
    """The graph of the work on the current stream, its result, and the tensors that it reads."""
    graph, pool = torch.cuda.CUDAGraph(), torch.cuda.graph_pool_handle()
    watched = _Watched()
    with _generator_kept(device):
        # Other threads may use the card meanwhile: their calls are no fault of this recording.
        graph.capture_begin(pool, capture_error_mode="thread_local")
        try:
            with watched:
                found = work()
        finally:
            try:
                graph.capture_end()
            except RuntimeError:
                _end_pool(device, pool)
                raise
    return graph, found, watched.held


@contextlib.contextmanager
def _generator_kept(device: torch.device) -> Iterator[None]:
    """A recording that fails may leave the state of the card's generator recording for ever.

    Then a copy of that state, made before, takes its place, and numbers are drawn as before.
    """
    generator = torch.cuda.default_generators[device.index or 0]
    spare = generator.clone_state()
    try:
        yield
    except BaseException:
        generator.graphsafe_set_state(spare)
        raise


def _end_pool(device: torch.device, pool: Any) -> None:
    """Let a failed recording take no more of torch's memory; without it some is never reused."""
    index = device.index or 0
    with contextlib.suppress(Exception):
        torch._C._cuda_endAllocateToPool(index, pool)
        torch._C._cuda_releasePool(index, pool)


class _Watched(TorchDispatchMode):
    """Notes the tensors that work reads and has not made; raises where work would wait for a card.

    Only work of this thread is watched, unlike by `torch.cuda.set_sync_debug_mode`.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.held: list[Tensor] = []
        self._made: set[int] = set()
        self._read: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        given = [one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)]
        if _waits(func, given, args, kwargs):
            raise RuntimeError(f"{func} makes the processor wait for the card")
        for one in given:
            place = _place(one)
            if place not in self._made and place not in self._read:
                self._read.add(place)
                self.held.append(one)
        found = func(*args, **kwargs)
        made = [one for one in tree_leaves(found) if isinstance(one, Tensor)]
        self._made |= {_place(one) for one in made} - self._read
        return found


def _place(tensor: Tensor) -> int:
    """Which memory a tensor lies in."""
    return int(tensor.untyped_storage()._cdata)


def _waits(func: Any, given: Sequence[Tensor], args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
    """Whether an operation on these tensors makes the processor wait for a card."""
    kinds = {one.device.type for one in given}
    if func in COPYING:
        onto = kwargs.get("device")
        kinds |= set() if onto is None else {torch.device(onto).type}
        return len(kinds) > 1
    if kinds <= {"cpu"}:
        return False
    if func.overloadpacket in (torch.ops.aten.index, torch.ops.aten.index_put_):
        return any(isinstance(i, Tensor) and i.dtype in MASKS for i in args[1])
    return bool(WAITING & set(func.tags))
