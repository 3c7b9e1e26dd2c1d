"""How many pages a machine or a container is taken to bear."""

import psutil
import pytest

from landscape_lab.hosting import capacity
from landscape_lab.hosting.capacity import (
    EACH,
    MEGABYTE,
    PAGES_PER_PROCESSOR,
    RESERVE,
    free_memory,
    places,
    places_in,
    processors,
)

GIGABYTE = 1024 * MEGABYTE


@pytest.mark.parametrize(
    ("memory", "number"),
    [
        (24 * GIGABYTE, 50),  # of the 90 that filled such a machine
        (RESERVE + 3 * EACH, 3),
        (RESERVE + 3 * EACH - 1, 2),
        (2 * GIGABYTE - 150 * MEGABYTE, 3),  # Binder, with the server running
        (0, 1),
    ],
)
def test_there_are_as_many_places_as_the_memory_holds_and_one_at_least(memory, number):
    assert places_in(memory) == number


@pytest.mark.parametrize("version", [1, 2])
def test_a_container_holds_fewer_kernels_than_its_machine(tmp_path, monkeypatch, version):
    monkeypatch.setattr(capacity, "GROUPS", tmp_path)
    assert free_memory() == pytest.approx(psutil.virtual_memory().available, rel=0.05)
    limit, used, kinds = (tmp_path / name for name in capacity.LIMITS[2 - version])
    limit.parent.mkdir(exist_ok=True)
    used.write_text("900\n")
    kinds.write_text("inactive_file 100\n" + ("total_inactive_file 300\n" if version == 1 else ""))
    limit.write_text("1000\n")
    assert free_memory() == {1: 400, 2: 200}[version]
    limit.write_text("max\n" if version == 2 else f"{2**63 - 4096}\n")
    assert free_memory() > 1000


@pytest.mark.parametrize(
    ("files", "number"),
    [
        ({"cpu.max": "150000 100000"}, 1.5),
        ({"cpu.max": "max 100000"}, 4),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 0.5),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 4),
        ({"cpu.max": "?"}, 4),
        ({}, 4),
    ],
)
def test_a_container_may_have_a_part_of_the_processors(tmp_path, monkeypatch, files, number):
    monkeypatch.setattr(capacity, "GROUPS", tmp_path)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(4)), raising=False)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert processors() == number


def test_pages_are_limited_by_what_is_scarcer_memory_or_processors(monkeypatch):
    monkeypatch.setattr(capacity, "processors", lambda: 2.0)
    for memory, number in {
        64 * GIGABYTE: 2 * PAGES_PER_PROCESSOR,
        0: 1,
        RESERVE + 3 * EACH: 3,
    }.items():
        monkeypatch.setattr(capacity, "free_memory", lambda memory=memory: memory)
        assert places() == number
    monkeypatch.setattr(capacity, "processors", lambda: 0.1)
    assert places() == 1
