"""What the machine has to offer: memory that is free, for a computation that must not exceed it."""

import sys
from pathlib import Path

import psutil
import torch

if sys.platform != "win32":
    import resource

CGROUP = Path("/sys/fs/cgroup")

UNLIMITED = 2**62
"""Bytes that stand for no limit."""


def free_memory(device: torch.device | str = "cpu") -> int:
    """Bytes that a computation may still take on a device, within the process's own limits."""
    device = torch.device(device)
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + kept  # torch's own, which it gives again
    available = int(psutil.virtual_memory().available)
    return min(available, _left_in_container(), _left_in_address_space())


def amount(size: float) -> str:
    """Bytes in words: 1.2 GB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.3g} {unit}"
        size /= 1000
    return ""


def _left_in_container() -> int:
    """What the control group (version 2) of the process leaves, or a very large number."""
    try:
        limit = (CGROUP / "memory.max").read_text().strip()
        used = (CGROUP / "memory.current").read_text().strip()
    except OSError:
        return UNLIMITED
    return UNLIMITED if limit == "max" else max(0, int(limit) - int(used))


def _left_in_address_space() -> int:
    """What the limits of the address space and of its data (`ulimit -v`, `-d`) leave, or much."""
    if sys.platform == "win32":
        return UNLIMITED
    limits = {"vms": resource.RLIMIT_AS}
    if sys.platform == "linux":
        limits["data"] = resource.RLIMIT_DATA
    set_ones = {name: resource.getrlimit(one)[0] for name, one in limits.items()}
    found = {name: one for name, one in set_ones.items() if one != resource.RLIM_INFINITY}
    used = psutil.Process().memory_info() if found else None
    left = (int(limit) - int(getattr(used, name)) for name, limit in found.items())
    return max(0, min(left, default=UNLIMITED))
