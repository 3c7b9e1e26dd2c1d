"""Files and the store: exact round trips, limits, what is listed, verified and pruned."""

import dataclasses
import multiprocessing
import os
import subprocess
import sys
import time
import warnings
from datetime import UTC, datetime

import h5netcdf
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cases import SPECIAL, place_of
from landscape_core import Run
from landscape_core.foundation.errors import FileFormatError, MissingDataError, SpecError
from landscape_core.foundation.recipes import canonical, to_plain
from landscape_core.storage import atomic_files, netcdf
from landscape_core.storage.store import Store


def dataset(fill=1.0, size=6):
    values = np.full((2, size, size), fill)
    values[0, 0, :3] = np.nan, np.inf, -np.inf
    mask = np.zeros((size, size), dtype=bool)
    mask[::2] = True
    side = np.linspace(-1, 1, size)
    return xr.Dataset(
        {
            "loss": (("split", "beta", "alpha"), values, {"units": "1"}),
            "computed": (("beta", "alpha"), mask),
            "theta": (("step", "param"), np.ones((3, 4), dtype=np.float32)),
            "note": ("step", ["a", "bc", ""]),
        },
        {
            "split": ["train", "test"],
            "beta": ("beta", side, {"units": "multiples of the axis", "long_name": "PC2"}),
            "alpha": side,
            "step": [0, 1, 20],
        },
        {
            "slice": '{"kind":"slice_spec"}',
            "examples": [300],
            "explained_variance_ratio": [0.5, 0.25],
            "names": ["PC1", "β"],
            "engine_version": 1,
            "share": 0.1,
            "exact": True,
            "nothing": None,
            "empty": "",
            "none": [],
        },
    )


def test_a_dataset_survives_a_file_exactly(tmp_path):
    asked = dataset()
    netcdf.save(asked, tmp_path / "slice.nc")
    read = netcdf.load(tmp_path / "slice.nc")
    xr.testing.assert_identical(read, asked)
    assert read.attrs == asked.attrs
    assert {k: type(v) for k, v in read.attrs.items()} == {
        k: type(v) for k, v in asked.attrs.items()
    }
    for name, variable in asked.variables.items():
        assert read[name].dtype == variable.dtype, name
        assert read[name].attrs == variable.attrs, name


def test_saving_leaves_the_dataset_as_it_was(tmp_path):
    asked = dataset()
    netcdf.save(asked, tmp_path / "slice.nc")
    xr.testing.assert_identical(asked, dataset())


def test_a_file_may_be_written_over_and_leaves_nothing_beside_it(tmp_path):
    for fill in (1.0, 2.0):
        netcdf.save(dataset(fill), tmp_path / "slice.nc")
    assert float(netcdf.load(tmp_path / "slice.nc")["loss"].max(skipna=True)) == np.inf
    assert float(netcdf.load(tmp_path / "slice.nc")["loss"][1, 1, 1]) == 2.0
    assert [path.name for path in tmp_path.iterdir()] == ["slice.nc"]


def test_a_failed_save_keeps_the_old_file_and_leaves_nothing_beside_it(tmp_path):
    netcdf.save(dataset(), tmp_path / "slice.nc")
    unwritable = dataset().assign(bad=("step", np.array([object()] * 3)))
    with pytest.raises((TypeError, ValueError)):
        netcdf.save(unwritable, tmp_path / "slice.nc")
    xr.testing.assert_identical(netcdf.load(tmp_path / "slice.nc"), dataset())
    assert [path.name for path in tmp_path.iterdir()] == ["slice.nc"]


@pytest.mark.parametrize("content", [b"", b"no netCDF", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_a_file_that_is_not_netcdf_is_refused_by_name(tmp_path, content):
    path = tmp_path / "bad.nc"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"bad\.nc"):
        netcdf.load(path)


def test_a_missing_file_and_a_missing_folder_are_named(tmp_path):
    with pytest.raises(MissingDataError, match=r"none\.nc"):
        netcdf.load(tmp_path / "none.nc")
    with pytest.raises(FileNotFoundError, match="no folder"):
        netcdf.save(dataset(), tmp_path / "none" / "slice.nc")


@pytest.mark.skipif(os.name != "posix", reason="has no such places")
@pytest.mark.parametrize("kind", SPECIAL)
def test_what_is_no_regular_file_is_not_replaced(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = place_of(kind, tmp_path)
    before = place.lstat()
    for writing in (
        lambda: netcdf.save(dataset(), place),
        lambda: netcdf.check_folder(place),
        lambda: atomic_files.write(place, [b"content"]),
    ):
        with pytest.raises(FileExistsError, match=rf"run\.nc is {SPECIAL[kind]}"):
            writing()
    assert (place.lstat().st_ino, place.lstat().st_mode) == (before.st_ino, before.st_mode)
    assert not list(tmp_path.glob(".*"))


def test_a_link_made_while_a_file_is_written_is_not_replaced(tmp_path):
    place = tmp_path / "run.nc"

    def chunks():
        yield b"content"
        place.symlink_to(tmp_path / "nothing")

    with pytest.raises(FileExistsError, match="a symbolic link"):
        atomic_files.write(place, chunks())
    assert place.is_symlink()
    assert [path.name for path in tmp_path.iterdir()] == ["run.nc"]


def test_a_file_in_a_folder_that_is_a_link_is_written(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for content in (b"first", b"second"):
        atomic_files.write(tmp_path / "link" / "run.nc", [content])
        assert (tmp_path / "real" / "run.nc").read_bytes() == content


def test_what_is_read_from_bytes_is_what_is_read_from_a_file(tmp_path):
    asked = dataset().assign(
        when=("step", np.array(["2026-01-01", "NaT", "1999-12-31"], "datetime64[ns]")),
        single=((), 2.5),
        nothing=("empty", np.zeros(0, dtype=np.float32)),
        count=("step", np.array([1, 2, 3], dtype=np.int16), {"units": "", "parts": [1.0, 2.0]}),
    )
    netcdf.save(asked, tmp_path / "own.nc")
    read = netcdf.from_bytes((tmp_path / "own.nc").read_bytes() + b"a footer")
    xr.testing.assert_identical(read, netcdf.load(tmp_path / "own.nc"))
    assert {k: v.dtype for k, v in read.variables.items()} == {
        k: v.dtype for k, v in netcdf.load(tmp_path / "own.nc").variables.items()
    }


TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
NUMBERS = st.floats() | st.integers(-(2**63), 2**63 - 1)


@given(
    values=arrays.arrays(
        st.sampled_from([np.float32, np.float64, np.int64, np.int8, np.bool_]),
        arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    ),
    attrs=st.dictionaries(st.from_regex(r"[a-z]{1,9}", fullmatch=True), TEXTS | NUMBERS),
    words=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), max_size=4),
)
def test_any_dataset_survives_being_bytes(values, attrs, words):
    dims = ("x", "y", "z")[: values.ndim]
    asked = xr.Dataset({"v": (dims, values), "w": ("words", np.array(words, dtype=str))})
    asked.attrs = attrs
    read = netcdf.from_bytes(netcdf.to_bytes(asked))
    assert read["v"].dims == dims
    assert read["v"].dtype == values.dtype
    assert read["v"].values.tobytes() == values.tobytes()
    assert read["w"].values.tolist() == words
    assert set(read.attrs) == set(attrs)
    for name, value in attrs.items():
        assert repr(read.attrs[name]) == repr(value), name


def test_bytes_that_are_not_netcdf_are_refused():
    with pytest.raises(FileFormatError, match="netCDF"):
        netcdf.from_bytes(b"no netCDF at all")


def test_a_store_gives_back_what_was_put_also_to_another_store(tmp_path):
    Store(tmp_path / "deep" / "folder").put("abc", dataset())
    found = Store(tmp_path / "deep" / "folder").get("abc")
    xr.testing.assert_identical(found, dataset())
    assert Store(tmp_path).get("abc") is None


def test_an_entry_is_a_netcdf_file_for_everybody_and_a_saved_file_is_nothing_but_that(tmp_path):
    Store(tmp_path).put("abc", dataset())
    with xr.open_dataset(tmp_path / "abc.nc", engine="h5netcdf") as read:
        np.testing.assert_array_equal(read["loss"], dataset()["loss"])
    with h5netcdf.File(tmp_path / "abc.nc", "r") as file:
        assert set(file.dimensions) == {"split", "beta", "alpha", "step", "param"}
    netcdf.save(dataset(), tmp_path / "own.nc")
    assert netcdf.to_bytes(dataset()) == (tmp_path / "own.nc").read_bytes()


def test_a_file_without_a_seal_or_under_the_name_of_another_is_not_believed(tmp_path):
    store = Store(tmp_path)
    netcdf.save(dataset(), tmp_path / "older.nc")
    store.put("abc", dataset())
    (tmp_path / "abc.nc").rename(tmp_path / "def.nc")
    for key in ("older", "def"):
        with pytest.warns(UserWarning, match=f"damaged.*{key}"):
            assert store.get(key) is None


def slice_of(size=51):
    rng = np.random.default_rng(0)
    side = np.linspace(-1, 1, size)
    values = rng.normal(size=(2, 2, size, size))
    dims = ("split", "beta", "alpha")
    told = {"units": "multiples of the axis"}
    return xr.Dataset(
        {
            "loss": (dims, values[0]),
            "accuracy": (dims, values[1]),
            "computed": (("beta", "alpha"), np.ones((size, size), dtype=bool)),
        },
        {"split": ["train", "test"], "beta": ("beta", side, told), "alpha": ("alpha", side, told)},
        {"run": canonical(to_plain(Run())), "examples": [300, 300], "dtype": "float32"},
    )


def test_a_slice_asked_again_is_read_with_few_calls(tmp_path):
    store, asked, calls = Store(tmp_path), slice_of(), []
    store.put("abc", asked)
    store.get("abc")  # what is imported for it
    sys.setprofile(lambda frame, event, _: calls.append(frame) if event == "call" else None)
    try:
        found = store.get("abc")
    finally:
        sys.setprofile(None)
    xr.testing.assert_identical(found, asked)
    assert len(calls) < 10_000


def test_a_dropped_entry_is_gone_and_may_be_dropped_again(tmp_path):
    store = Store(tmp_path)
    store.put("abc", dataset())
    store.put("abcpart", dataset())
    store.drop("abcpart")
    store.drop("abcpart")
    assert store.get("abcpart") is None
    assert store.get("abc") is not None


def test_entries_are_told_in_words_the_last_used_first(tmp_path):
    store = Store(tmp_path)
    assert store.entries() == []
    half = slice_of().assign(computed=slice_of()["computed"].where(slice_of()["alpha"] > 0, False))
    path = dataset().drop_dims("alpha")
    path.attrs = {"run": canonical(to_plain(Run(steps=70)))}
    own = slice_of(11).drop_attrs().assign_attrs(model="ResNet")
    stored = {"abc": slice_of(), "abcpart": half, "def": path, "ghi": own}
    for age, (key, asked) in enumerate(stored.items()):
        store.put(key, asked)
        os.utime(tmp_path / f"{key}.nc", (1000 + age, 1000 + age))
    (tmp_path / "foreign.nc").write_bytes(b"x")
    os.utime(tmp_path / "foreign.nc", (1, 1))
    found = store.entries()
    assert [(entry.key, entry.kind, entry.about) for entry in found] == [
        ("ghi", "slice", "ResNet, 11 x 11 points"),
        ("def", "trajectory", "spirals mlp sgd 70 steps, 3 iterates"),
        (
            "abcpart",
            "unfinished",
            "spirals mlp sgd 2000 steps, 51 x 51 points (49% computed), float32",
        ),
        ("abc", "slice", "spirals mlp sgd 2000 steps, 51 x 51 points, float32"),
        ("foreign", "other", "without a readable seal"),
    ]
    assert found[3].size == (tmp_path / "abc.nc").stat().st_size
    assert found[3].used == datetime.fromtimestamp(1000, UTC)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found[0].size = 0


@pytest.mark.parametrize("attrs", [{"run": "no JSON"}, {"run": "[1]"}, {"run": "3"}])
def test_attributes_that_are_no_recipe_are_kept_all_the_same(tmp_path, attrs):
    store, asked = Store(tmp_path), slice_of(3).assign_attrs(attrs)
    store.put("abc", asked)
    xr.testing.assert_identical(store.get("abc"), asked.assign_attrs(attrs))
    assert store.entries()[0].kind == "slice"


def ended_process():
    """The number of a process that has run on this machine and is no more."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_verifying_finds_the_damaged_and_removes_what_dead_writers_left(tmp_path):
    store = Store(tmp_path)
    for key in ("abc", "def", "ghi"):
        store.put(key, dataset())
    spoilt = bytearray((tmp_path / "def.nc").read_bytes())
    spoilt[len(spoilt) // 2] ^= 1
    (tmp_path / "def.nc").write_bytes(spoilt)
    here, dead, alive = atomic_files.machine(), ended_process(), os.getpid()
    left = f".abc.nc.{here}.{dead}.01234567.part"
    others = [f".abc.nc.{here}.{alive}.01234567.part", f".abc.nc.0123456789ab.{dead}.01234567.part"]
    for name in (left, *others):
        (tmp_path / name).write_bytes(b"x")
    found = store.verify()
    assert (found.good, found.damaged, found.leftover) == (2, ("def",), (left,))
    assert {path.name for path in tmp_path.iterdir()} == {
        "abc.nc", "def.damaged", "ghi.nc", *others
    }  # fmt: skip
    again = store.verify()
    assert (again.good, again.damaged, again.leftover) == (2, (), ())


def test_verifying_does_not_count_as_use(tmp_path):
    store = Store(tmp_path)
    store.put("abc", dataset())
    os.utime(tmp_path / "abc.nc", (1000, 1000))
    store.verify()
    store.entries()
    assert store.entries()[0].used == datetime.fromtimestamp(1000, UTC)


def aged_store(folder, days):
    store, now = Store(folder), time.time()
    for key, age in days.items():
        store.put(key, dataset(size=30))
        os.utime(folder / f"{key}.nc", (now - age * 86400,) * 2)
    return store, (folder / "a.nc").stat().st_size


def test_pruning_by_age_removes_what_was_not_used_for_so_long(tmp_path):
    store, size = aged_store(tmp_path, {"a": 9.0, "b": 3.1, "c": 2.9, "d": 0.0})
    gone = store.prune(older_than_days=3)
    assert (gone.number, gone.size) == (2, 2 * size)
    assert {entry.key for entry in store.entries()} == {"c", "d"}
    assert store.prune(older_than_days=3).number == 0


def test_pruning_to_a_size_removes_the_least_recently_used(tmp_path):
    store, size = aged_store(tmp_path, {"a": 1.0, "b": 4.0, "c": 2.0, "d": 3.0})
    assert store.prune().number == 0
    gone = store.prune(limit_mb=2.5 * size / 1e6)
    assert (gone.number, gone.size) == (2, 2 * size)
    assert {entry.key for entry in store.entries()} == {"a", "c"}
    assert store.prune(limit_mb=0).number == 2


@pytest.mark.parametrize("bad", [{"limit_mb": -1}, {"older_than_days": float("nan")}])
def test_pruning_refuses_what_is_no_amount(tmp_path, bad):
    with pytest.raises(SpecError, match=next(iter(bad))):
        Store(tmp_path).prune(**bad)


def test_a_result_larger_than_the_limit_is_not_kept_and_drives_nothing_out(tmp_path):
    store = Store(tmp_path, limit_mb=0.05)
    store.put("small", dataset())
    with pytest.warns(UserWarning, match=r"0\.05 MB"):
        store.put("large", dataset(size=100))
    assert [entry.key for entry in store.entries()] == ["small"]
    store.put("other", dataset())
    assert store.get("other") is not None


def test_the_limit_holds_also_where_not_every_file_is_counted_every_time(tmp_path):
    store = Store(tmp_path, limit_mb=1)
    sizes = []
    for number in range(100):
        store.put(f"k{number}", dataset())
        sizes.append(sum(path.stat().st_size for path in tmp_path.iterdir()))
    assert max(sizes) <= 1e6
    assert sizes[-1] > 0.9e6
    assert store.get("k99") is not None
    assert store.get("k0") is None


@pytest.mark.parametrize("keep", [0.5, 0.0])
def test_a_damaged_entry_is_set_aside_with_a_warning_and_computed_anew(tmp_path, keep):
    store = Store(tmp_path)
    store.put("abc", dataset())
    path = tmp_path / "abc.nc"
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    with pytest.warns(UserWarning, match="damaged"):
        assert store.get("abc") is None
    assert not path.exists()
    assert (tmp_path / "abc.damaged").exists()
    store.put("abc", dataset())
    xr.testing.assert_identical(store.get("abc"), dataset())


def test_the_least_recently_used_go_first_when_the_limit_is_reached(tmp_path):
    Store(tmp_path).put("probe", dataset(size=60))
    size = (tmp_path / "probe.nc").stat().st_size
    store = Store(tmp_path, limit_mb=3.5 * size / 1e6)
    for age, key in enumerate(("oldest", "used", "probe")):
        store.put(key, dataset(size=60))
        os.utime(tmp_path / f"{key}.nc", (1000 + age, 1000 + age))
    assert store.get("oldest") is not None
    store.put("new", dataset(size=60))
    assert {path.stem for path in tmp_path.glob("*.nc")} == {"oldest", "probe", "new"}


def test_a_really_full_disk_leaves_no_half_file(tmp_path):
    resource = pytest.importorskip("resource")
    store = Store(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal = pytest.importorskip("signal")
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.warns(UserWarning, match="cannot be written"):
            store.put("abc", dataset(size=300))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert store.get("abc") is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_means_one_warning(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.warns(UserWarning, match="cannot be written"):
        store = Store(tmp_path / "file" / "folder")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        store.put("abc", dataset())
        assert store.get("abc") is None


def test_abandoned_files_are_cleared_away(tmp_path):
    for name in (".abc.nc.1234.part", "def.damaged", ".new.nc.5678.part"):
        (tmp_path / name).write_bytes(b"x")
        if "new" not in name:
            os.utime(tmp_path / name, (1000, 1000))
    Store(tmp_path).put("abc", dataset())
    assert {path.name for path in tmp_path.iterdir()} == {"abc.nc", ".new.nc.5678.part"}


@pytest.mark.parametrize("key", ["../abc", "a/b", "", "a.b", "ä", "a" * 200])
def test_a_key_cannot_lead_out_of_the_folder(tmp_path, key):
    with pytest.raises(SpecError, match="key"):
        Store(tmp_path).get(key)


def test_a_limit_must_be_positive(tmp_path):
    with pytest.raises(SpecError, match="limit_mb"):
        Store(tmp_path, limit_mb=0)


def test_a_cleared_store_is_empty(tmp_path):
    store = Store(tmp_path)
    store.put("abc", dataset())
    assert store.clear() == 1
    assert store.get("abc") is None


def _write(folder, fill):
    store = Store(folder)
    for _ in range(15):
        store.put("shared", dataset(fill))
        found = store.get("shared")
        value = float(found["loss"][1, 1, 1])
        assert value in (1.0, 2.0), value
        assert bool((found["loss"][1] == value).all())


def test_two_processes_may_write_the_same_key(tmp_path):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write, args=(tmp_path, fill)) for fill in (1.0, 2.0)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=120)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["shared.nc"]
