"""Faults: killed writers, crowds, flipped bytes, full and read-only disks, vanished folders.

Whatever happens, an entry reads as it was written or not at all, and the work goes on.
"""

import contextlib
import errno
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from landscape_core.storage import atomic_files, checksum, schema
from landscape_core.storage.store import Store
from store_support import NOT_PERMITTED, made

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")

SUPPORT = Path(__file__).parents[2] / "support" / "store_support.py"
KINDS = {"slice": "abc", "trajectory": "path0", "unfinished": "abcpart"}


def scenario(*words, prefix=()):
    """What a scenario of the other file has seen; None if it is not permitted on this machine."""
    root = str(SUPPORT.parent.parent)
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": root}
    done = subprocess.run(
        [*prefix, sys.executable, SUPPORT, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=200,
        env=env,
    )
    if done.returncode == NOT_PERMITTED:
        return None
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def put_twice(store):
    """Two attempts to keep something, of which only the first may be heard of."""
    store.put("abc", made("abc", 2))
    store.put("def", made("def", 2))


@forks
@pytest.mark.slow
@pytest.mark.parametrize("kills", [60, pytest.param(200, marks=pytest.mark.exhaustive)])
def test_a_writer_killed_often_leaves_a_store_that_opens_and_is_right(kills, tmp_path):
    seen = scenario("killed", tmp_path / "store", 20260, kills)
    assert seen["litter"] >= kills // 20, "too few were killed amid a writing: this tests nothing"
    assert seen["read"] >= kills
    assert seen["good"] >= 1


@forks
def test_a_process_killed_before_any_of_its_operations_on_files_spoils_nothing(tmp_path):
    assert scenario("killed_at_every_step", tmp_path / "store")["steps"] >= 20


@forks
def test_eight_processes_may_write_read_evict_and_verify_at_once(tmp_path):
    seen = scenario("crowd", tmp_path / "store", 8, 25)
    assert seen["damaged"] == []
    assert seen["good"] == len(seen["names"]) >= 1
    assert all(name.endswith(".nc") for name in seen["names"])
    # Far more was written. Each process may be one entry ahead of what the others have counted.
    assert seen["size"] <= 1e6 + 8 * 410_000


def place(content, wanted):
    at = content.find(wanted)
    assert at >= 0, wanted
    return at, at + len(wanted)


def regions(data, key, asked):
    """Where the parts of an entry lie in its file, by name."""
    name = "theta" if "theta" in asked else "loss"
    words = json.dumps(schema.describe(asked)).encode()
    tail = len(data) - checksum.TAIL.size
    return {
        "superblock": (0, 48),
        "headers": (48, 800),
        "data": place(data, asked[name].values.tobytes()),
        "attribute": place(data, f"made for {key}".encode()),
        "label": place(data, words),
        "length": (tail, tail + 4),
        "digest": (tail + 4, tail + 36),
        "magic": (tail + 36, len(data)),
        "anywhere": (0, len(data)),
    }


def asked_for(key, version=3):
    return made(key, version).assign_attrs(purpose=f"made for {key}")


REGIONS = (
    "superblock", "headers", "data", "attribute", "label", "length", "digest", "magic", "anywhere"
)  # fmt: skip


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_byte_is_noticed_wherever_it_lies(tmp_path, kind, region):
    key = KINDS[kind]
    store, asked, path = Store(tmp_path), asked_for(key), tmp_path / f"{key}.nc"
    store.put(key, asked)
    data = path.read_bytes()
    first, end = regions(data, key, asked)[region]
    rng = random.Random(f"{kind} {region}")
    for _ in range(40):
        spoilt = bytearray(data)
        spoilt[rng.randrange(first, end)] ^= rng.randrange(1, 256)
        path.write_bytes(spoilt)
        with pytest.warns(UserWarning, match=f"damaged.*{key}"):
            assert store.get(key) is None
        assert not path.exists()
        assert path.with_suffix(".damaged").read_bytes() == spoilt
    path.write_bytes(data)
    xr.testing.assert_identical(store.get(key), asked)


@pytest.fixture(scope="module")
def one_entry(tmp_path_factory):
    """A store, the path of its only entry, and the entry's bytes."""
    folder = tmp_path_factory.mktemp("one")
    store = Store(folder)
    store.put("abc", asked_for("abc"))
    return store, folder / "abc.nc", (folder / "abc.nc").read_bytes()


@settings(max_examples=300)
@given(data=st.data())
def test_whatever_becomes_of_a_file_it_reads_as_it_was_or_not_at_all(one_entry, data):
    store, path, written = one_entry
    spoilt = bytearray(written)
    places = st.integers(0, len(written) - 1)
    for at, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=4)):
        spoilt[at] = value
    start, length = data.draw(st.tuples(places, st.integers(0, 5000)))
    change = data.draw(st.sampled_from(["none", "zeros", "cut", "insert", "truncate", "twice"]))
    zeros = bytes(len(spoilt[start : start + length]))
    changed = {
        "none": spoilt,
        "zeros": spoilt[:start] + zeros + spoilt[start + length :],
        "cut": spoilt[:start] + spoilt[start + length :],
        "insert": spoilt[:start] + bytes(length) + spoilt[start:],
        "truncate": spoilt[:start],
        "twice": spoilt + spoilt,
    }[change]
    path.write_bytes(changed)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = store.get("abc")
    assert (found is not None) == (bytes(changed) == written)
    assert len(told) == (found is None)
    if found is not None:
        xr.testing.assert_identical(found, asked_for("abc"))


def test_a_good_file_that_came_while_a_damaged_one_was_read_stays_and_is_given(
    tmp_path, monkeypatch
):
    store, path = Store(tmp_path), tmp_path / "abc.nc"
    store.put("abc", made("abc", 2))
    good = path.read_bytes()
    path.write_bytes(good[:-1])
    read = Path.read_bytes

    def replaced_after(self):
        data = read(self)
        path.write_bytes(good)
        return data

    def moved(self, target):
        raise AssertionError(f"{self} was moved to {target}")

    monkeypatch.setattr(Path, "read_bytes", replaced_after)
    monkeypatch.setattr(Path, "replace", moved)
    xr.testing.assert_identical(store.get("abc"), made("abc", 2))
    assert [found.name for found in tmp_path.iterdir()] == ["abc.nc"]


def test_a_good_file_set_aside_by_a_hair_is_put_back(tmp_path, monkeypatch):
    store, path = Store(tmp_path), tmp_path / "abc.nc"
    store.put("abc", made("abc", 2))
    good = path.read_bytes()
    path.write_bytes(good[:-1])
    replace = Path.replace

    def replaced_before(self, target):
        if self == path:
            path.write_bytes(good)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", replaced_before)
    xr.testing.assert_identical(store.get("abc"), made("abc", 2))
    assert [found.name for found in tmp_path.iterdir()] == ["abc.nc"]


def test_an_unfinished_file_removed_under_its_writer_is_written_once_more(tmp_path, monkeypatch):
    store, replace, removals = Store(tmp_path), Path.replace, []

    def removed_before(self, target):
        if not removals:
            removals.append(self.unlink())
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", removed_before)
    store.put("abc", made("abc", 2))
    assert len(removals) == 1
    xr.testing.assert_identical(store.get("abc"), made("abc", 2))


def private_mounts():
    """How a command is run that may mount for itself alone; None if that is not permitted."""
    for prefix in (["unshare", "--map-root-user", "--mount"], ["unshare", "--mount"]):
        with contextlib.suppress(OSError):
            if subprocess.run([*prefix, "true"], capture_output=True).returncode == 0:
                return prefix
    return None


def test_a_small_disk_that_fills_up_keeps_what_was_on_it_and_holds_nothing_half(tmp_path):
    prefix = private_mounts()
    seen = scenario("full", tmp_path / "disk", prefix=prefix) if prefix else None
    if seen is None:
        pytest.skip("mounting is not permitted here")
    assert len(seen["told"]) == 1
    assert "No space left on device" in seen["told"][0]
    assert seen["kept"] == len(seen["names"]) >= 5
    assert all(name.endswith(".nc") for name in seen["names"])
    assert seen["again"]


def disk_with(room, real=os.write):
    """`os.write` on a disk that has room for so many bytes more."""
    left = [room]

    def write(file, data):
        if left[0] == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = real(file, bytes(data)[: left[0]])
        left[0] -= written
        return written

    return write


def test_a_disk_full_after_any_number_of_bytes_keeps_the_old_entry_whole(tmp_path, monkeypatch):
    Store(tmp_path).put("abc", made("abc", 1))
    size = (tmp_path / "abc.nc").stat().st_size
    rooms = sorted({0, 1, 2, *range(7, size, 199), size - 45, size - 44, size - 1})
    for room in rooms:
        store = Store(tmp_path)
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", disk_with(room))
            with pytest.warns(UserWarning, match="Results are not kept.*No space left") as told:
                put_twice(store)
        assert len(told) == 1
        assert [path.name for path in tmp_path.iterdir()] == ["abc.nc"]
        xr.testing.assert_identical(store.get("abc"), made("abc", 1))
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", disk_with(size))
        Store(tmp_path).put("abc", made("abc", 2))
    xr.testing.assert_identical(Store(tmp_path).get("abc"), made("abc", 2))


@pytest.mark.parametrize("number", [errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO])
@pytest.mark.parametrize("call", ["open", "write", "close", "replace"])
def test_whatever_fails_in_writing_means_one_warning_and_no_half_file(
    tmp_path, monkeypatch, call, number
):
    store = Store(tmp_path)
    store.put("abc", made("abc", 1))
    real = getattr(os, call)

    def failing(*words, **more):
        if call == "close":
            real(*words)
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, call, failing)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            put_twice(store)
    assert [os.strerror(number) in str(warning.message) for warning in told] == [True]
    assert [path.name for path in tmp_path.iterdir()] == ["abc.nc"]
    xr.testing.assert_identical(store.get("abc"), made("abc", 1))


@pytest.fixture
def read_only():
    """A store with a good and a damaged entry in a folder that cannot be written to."""
    outer = Path(tempfile.mkdtemp())
    outer.chmod(0o755)  # pytest's own folders are closed to the user whom root becomes below
    store = Store(outer / "store")
    for key in ("abc", "def"):
        store.put(key, made(key, 1))
    spoilt = store.folder / "def.nc"
    spoilt.write_bytes(spoilt.read_bytes()[:-1])
    os.utime(store.folder / "abc.nc", (1000, 1000))
    store.folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)  # permissions do not bind root
    yield Store(store.folder)
    if root:
        os.seteuid(0)
    store.folder.chmod(0o755)
    shutil.rmtree(outer)


@needs_posix
def test_in_a_read_only_folder_reading_goes_on_and_writing_is_given_up_once(read_only):
    xr.testing.assert_identical(read_only.get("abc"), made("abc", 1))
    with pytest.warns(UserWarning, match="Results are not kept.*Permission denied") as told:
        put_twice(read_only)
    assert len(told) == 1
    with pytest.warns(UserWarning, match="damaged"):
        assert read_only.get("def") is None
    read_only.drop("abc")
    assert read_only.prune(older_than_days=1).number == 0
    found = read_only.verify()
    assert (found.good, found.damaged) == (1, ("def",))
    assert {entry.key for entry in read_only.entries()} == {"abc", "def"}


def test_a_folder_deleted_while_the_store_is_open_is_made_again(tmp_path):
    store = Store(tmp_path / "deep" / "store")
    store.put("abc", made("abc", 1))
    shutil.rmtree(tmp_path / "deep")
    assert store.get("abc") is None
    assert store.entries() == []
    assert store.verify().good == store.prune().number == store.clear() == 0
    store.drop("abc")
    store.put("abc", made("abc", 2))
    xr.testing.assert_identical(store.get("abc"), made("abc", 2))


def test_a_folder_that_became_a_file_means_one_warning(tmp_path):
    store = Store(tmp_path / "store")
    (tmp_path / "store").rmdir()
    (tmp_path / "store").write_text("in the way")
    assert store.get("abc") is None
    with pytest.warns(UserWarning, match="Results are not kept") as told:
        put_twice(store)
    assert len(told) == 1
    assert store.entries() == []


def test_an_entry_that_is_a_folder_is_no_entry_to_read(tmp_path):
    store = Store(tmp_path)
    (tmp_path / "abc.nc").mkdir()
    assert store.get("abc") is None


def test_the_writer_of_an_unfinished_file_is_known_by_machine_and_process(tmp_path):
    here, me = atomic_files.machine(), os.getpid()
    assert not atomic_files.deserted(f".abc.nc.{here}.{me}.01234567.part")
    assert not atomic_files.deserted(".abc.nc.1234.part")
    assert not atomic_files.deserted("abc.nc")
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name = f".abc.nc.{here}.{child.pid}.01234567.part"
    assert not atomic_files.deserted(name)
    child.communicate(b"\n")
    assert atomic_files.deserted(name)
    elsewhere = name.replace(here, "0" * 12)
    assert not atomic_files.deserted(elsewhere)


def test_values_survive_bit_by_bit_also_those_that_are_no_numbers(tmp_path):
    store = Store(tmp_path)
    bits = np.array([0x7FF8000000000001, 0xFFF0000000000000, 1, 1 << 63], dtype=np.uint64)
    asked = xr.Dataset({"loss": ("x", bits.view(np.float64))})
    store.put("abc", asked)
    np.testing.assert_array_equal(store.get("abc")["loss"].values.view(np.uint64), bits)
