"""How many pages a machine or container can serve, one process each, by memory and processors."""

import os
from collections.abc import Iterator
from pathlib import Path

import psutil

MEGABYTE = 2**20

EACH = 480 * MEGABYTE
"""What a kernel takes: 400 to 460 MB were measured, on the first presets."""

RESERVE = 256 * MEGABYTE
"""What is left to the server and to the rest of the machine."""

PAGES_PER_PROCESSOR = 4
"""Pages that play at once on a processor; with more, each gets fewer than two pictures a second."""

GROUPS = Path("/sys/fs/cgroup")
LIMITS = (
    ("memory.max", "memory.current", "memory.stat"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
)
"""Where control groups of version 2 and 1 say what they allow, what is used, and of what kind."""


def places() -> int:
    """How many pages memory and processors bear now; one at least."""
    return min(places_in(free_memory()), round(PAGES_PER_PROCESSOR * processors())) or 1


def places_in(memory: int) -> int:
    """How many kernels this number of bytes holds; one at least."""
    return max(1, (memory - RESERVE) // EACH)


def free_memory() -> int:
    """Bytes that are free on the machine and in the container."""
    return min([psutil.virtual_memory().available, *_left_in_groups()])


def processors() -> float:
    """Processors that this process may use; a container may have a fraction of one."""
    try:
        usable = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        usable = os.cpu_count() or 1
    return min([float(usable), *_quotas()])


def _left_in_groups() -> Iterator[int]:
    for limit, used, kinds in LIMITS:
        try:
            most = (GROUPS / limit).read_text().strip()
            taken = int((GROUPS / used).read_text())
            counters = dict(line.split() for line in (GROUPS / kinds).read_text().splitlines())
        except (OSError, ValueError):
            continue
        # Files that were read lately count as used, and are given up when memory is needed.
        cached = int(counters.get("total_inactive_file", counters.get("inactive_file", 0)))
        if most != "max":
            yield max(0, int(most) - taken + cached)


def _quotas() -> Iterator[float]:
    """Processors that control groups of version 2 or 1 allow, where they limit them."""
    for files in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            quota, period = " ".join((GROUPS / name).read_text() for name in files).split()
        except (OSError, ValueError):
            continue
        if quota != "max" and float(quota) > 0:
            yield float(quota) / float(period)
