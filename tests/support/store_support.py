"""What the tests of the store's faults run in a process of its own: it forks many children cheaply.

    python tests/support/store_support.py SCENARIO FOLDER [NUMBER ...]

prints what was seen as JSON; a value that is not right ends it with an exception.
"""

import json
import os
import random
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import xarray as xr

from landscape_core.storage.store import Store
from waiting import happens, take

SLICES = [f"slice{number}" for number in range(4)]
PATHS = [f"path{number}" for number in range(3)]
UNFINISHED = [f"slice{number}part" for number in range(2)]
KEYS = SLICES + PATHS + UNFINISHED
NOT_PERMITTED = 77


def made(key, version, *, scale=1):
    """A dataset that belongs to a key, all of its values telling the version it is of."""
    if key.startswith("path"):
        theta = np.full((20 * scale, 5000), version, dtype=np.float32)
        return xr.Dataset({"theta": (("step", "param"), theta)}, attrs={"of": key, "v": version})
    size = 15
    values = np.full((2, size, size), float(version))
    mask = np.arange(size * size).reshape(size, size) % 7 != version % 7
    return xr.Dataset(
        {"loss": (("split", "beta", "alpha"), values), "computed": (("beta", "alpha"), mask)},
        {"split": ["train", "test"], "beta": np.arange(size), "alpha": np.arange(size) / 7},
        {"of": key, "v": version, "grid": '{"resolution":15}'},
    )


def check(store, key):
    """Read a key; whether something was there, and if so then surely right."""
    found = store.get(key)
    if found is None:
        return False
    steps = found.sizes.get("step", 20)
    xr.testing.assert_identical(found, made(key, found.attrs["v"], scale=steps // 20))
    return True


def killed(folder, seed, kills):
    """Kill a writing child again and again; how often anything was left over and was read.

    Every other child writes as to a slow disk, in pieces: else few moments are amid a writing.
    """
    rng = random.Random(seed)
    litter, read = 0, 0
    Store(folder).put(KEYS[0], made(KEYS[0], 0))  # loads what children would else load each
    for number in range(kills):
        before = set(folder.glob(".*.part"))
        child, ready = forked(lambda n=number: write_forever(folder, n, slowly=n % 2 == 1))
        os.read(ready, 1)
        if number % 2:  # amid a writing, however busy the machine is
            wait_for_another(folder, before)
        take(rng.uniform(0, 0.06 if number % 2 == 0 else 0.005))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(ready)
        parts = list(folder.glob(".*.part"))
        assert len(parts) <= 1, parts  # of the last one only: the next writer removes it
        litter += len(set(parts) - before)
        store = Store(folder, limit_mb=8)
        read += sum(check(store, key) for key in KEYS)
    found = store.verify()
    assert not found.damaged, found
    left = [path.name for path in folder.iterdir() if path.suffix != ".nc"]
    assert not left, left
    return {"litter": litter, "read": read, "good": found.good}


def wait_for_another(folder, before, patience=2.0):
    """Wait until somebody has begun to write a file that was not there before."""
    happens(lambda: set(folder.glob(".*.part")) - before, patience)


def write_forever(folder, seed, *, slowly):
    if slowly:
        os.write = in_pieces
    rng = random.Random(seed)
    store = Store(folder, limit_mb=8)
    while True:
        key = rng.choice(KEYS)
        store.put(key, made(key, rng.randrange(1000), scale=10))
        if rng.random() < 0.2:
            store.drop(rng.choice(UNFINISHED))


def in_pieces(file, data, real=os.write):
    """Writes as `os.write`, at most 32 kB at a time, at about 30 MB/s."""
    take(0.001)
    return real(file, memoryview(data)[:32768])


def killed_at_every_step(folder):
    """Kill a child before its 1st, 2nd, ... operation on files, until one comes to its end."""
    steps = 0
    while True:
        fresh(folder)
        child, _ = forked(lambda n=steps: one_of_each(folder, n))
        _, status = os.waitpid(child, 0)
        store = Store(folder, limit_mb=0.5)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one entry was damaged on purpose
            read = sum(check(store, key) for key in KEYS)
        assert read >= 1
        store.put("slice0", made("slice0", 9))
        assert check(store, "slice0")
        leftover = [
            path.name for path in folder.iterdir() if path.suffix not in (".nc", ".damaged")
        ]
        assert not leftover, leftover
        if not os.WIFSIGNALED(status):
            assert status == 0, status
            return {"steps": steps}
        steps += 1


def fresh(folder):
    """The folder with some entries, one of them damaged."""
    for path in folder.iterdir():
        path.unlink()
    store = Store(folder)
    for key in ("slice0", "slice1", "path0", "slice1part"):
        store.put(key, made(key, 1))
    spoil(folder / "slice1.nc", 2000)


def spoil(path, at):
    spoilt = bytearray(path.read_bytes())
    spoilt[at] ^= 64
    path.write_bytes(spoilt)


def one_of_each(folder, step):
    """All that a store does, ended by SIGKILL before an operation on files, or amid a writing."""
    warnings.simplefilter("ignore")
    left = [step]

    def count():
        left[0] -= 1
        return left[0] < 0

    def watch(event, _):
        of_files = event == "open" or event.startswith(("os.re", "os.u", "os.sc", "os.mk"))
        if of_files and count():
            os.kill(os.getpid(), signal.SIGKILL)

    def write(file, data, real=os.write):
        if count():
            real(file, bytes(data)[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return real(file, data)

    os.write = write
    sys.addaudithook(watch)
    store = Store(folder, limit_mb=0.5)
    store.put("slice0", made("slice0", 2))
    store.get("slice0")
    store.get("slice1")
    store.put("path1", made("path1", 2))
    store.drop("slice1part")
    store.verify()
    store.prune(limit_mb=0.45)


def crowd(folder, processes, rounds):
    """Many processes that write, read, drop, verify and prune at once in one small store."""
    children = [forked(lambda n=n: visit(folder, n, rounds))[0] for n in range(processes)]
    ends = [os.waitpid(child, 0)[1] for child in children]
    assert ends == [0] * processes, ends
    size = sum(path.stat().st_size for path in folder.iterdir())
    found = Store(folder, limit_mb=1).verify()
    names = sorted(path.name for path in folder.iterdir())
    return {"size": size, "damaged": found.damaged, "good": found.good, "names": names}


def visit(folder, seed, rounds):
    rng, read = random.Random(seed), 0
    store = Store(folder, limit_mb=1)
    for version in range(rounds):
        key = rng.choice([*KEYS, *[f"path{seed}own{version}"] * len(KEYS)])
        store.put(key, made(key, 1000 * seed + version))
        read += sum(check(store, rng.choice(KEYS)) for _ in range(3))
        act = rng.random()
        if act < 0.1:
            assert store.verify().damaged == ()
        elif act < 0.2 and version < rounds / 2:  # later the limit holds by itself or not at all
            store.prune(limit_mb=0.7)
        elif act < 0.3:
            store.drop(rng.choice(KEYS))
        elif act < 0.4:
            assert all(entry.size > 0 for entry in store.entries())
    assert read > rounds / 4, read


def full(folder):
    """Fill a small disk; what was kept on it before stays right, and nothing half is on it."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", folder], capture_output=True
    )
    if mounted.returncode:
        sys.exit(NOT_PERMITTED)
    store = Store(folder)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for number in range(60):
            store.put(f"slice{number}", made(f"slice{number}", number))
    kept = [entry.key for entry in store.entries()]
    assert all(check(store, key) for key in kept)
    names = sorted(path.name for path in folder.iterdir())
    (folder / f"{kept[0]}.nc").unlink()
    again = Store(folder)
    again.put(kept[0], made(kept[0], 1))
    return {
        "told": [str(warning.message) for warning in told],
        "kept": len(kept),
        "names": names,
        "again": check(again, kept[0]),
    }


def forked(work):
    """A child at work, and the end of a pipe that says when it has begun."""
    ready, begun = os.pipe()
    child = os.fork()
    if child:
        os.close(begun)
        return child, ready
    try:
        os.write(begun, b"x")
        work()
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    warnings.simplefilter("error")
    # One thread runs here; newer Pythons also count those that libraries keep in reserve.
    warnings.filterwarnings("ignore", ".*fork.*", DeprecationWarning)
    scenario, where, *numbers = sys.argv[1:]
    Path(where).mkdir(parents=True, exist_ok=True)
    scenarios = {work.__name__: work for work in (killed, killed_at_every_step, crowd, full)}
    sys.stdout.write(json.dumps(scenarios[scenario](Path(where), *map(int, numbers))))
