"""Files and the store: exact round trips, damage, full disks, several processes."""

import multiprocessing
import os
import warnings

import numpy as np
import pytest
import xarray as xr

from landscape_core import schema
from landscape_core.errors import FileFormatError, MissingDataError, SpecError
from landscape_core.store import Store


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
            "look": '{"kind":"look"}',
            "examples": [300],
            "explained": [0.5, 0.25],
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
    schema.save(asked, tmp_path / "slice.nc")
    read = schema.load(tmp_path / "slice.nc")
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
    schema.save(asked, tmp_path / "slice.nc")
    xr.testing.assert_identical(asked, dataset())


def test_a_file_may_be_written_over_and_leaves_nothing_beside_it(tmp_path):
    for fill in (1.0, 2.0):
        schema.save(dataset(fill), tmp_path / "slice.nc")
    assert float(schema.load(tmp_path / "slice.nc")["loss"].max(skipna=True)) == np.inf
    assert float(schema.load(tmp_path / "slice.nc")["loss"][1, 1, 1]) == 2.0
    assert [path.name for path in tmp_path.iterdir()] == ["slice.nc"]


def test_a_failed_save_keeps_the_old_file_and_leaves_nothing_beside_it(tmp_path):
    schema.save(dataset(), tmp_path / "slice.nc")
    unwritable = dataset().assign(bad=("step", np.array([object()] * 3)))
    with pytest.raises((TypeError, ValueError)):
        schema.save(unwritable, tmp_path / "slice.nc")
    xr.testing.assert_identical(schema.load(tmp_path / "slice.nc"), dataset())
    assert [path.name for path in tmp_path.iterdir()] == ["slice.nc"]


@pytest.mark.parametrize("content", [b"", b"no netCDF", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_a_file_that_is_not_netcdf_is_refused_by_name(tmp_path, content):
    path = tmp_path / "bad.nc"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"bad\.nc"):
        schema.load(path)


def test_a_missing_file_and_a_missing_folder_are_named(tmp_path):
    with pytest.raises(MissingDataError, match=r"none\.nc"):
        schema.load(tmp_path / "none.nc")
    with pytest.raises(FileNotFoundError, match="no folder"):
        schema.save(dataset(), tmp_path / "none" / "slice.nc")


def test_a_store_gives_back_what_was_put_also_to_another_store(tmp_path):
    Store(tmp_path / "deep" / "folder").put("abc", dataset())
    found = Store(tmp_path / "deep" / "folder").get("abc")
    xr.testing.assert_identical(found, dataset())
    assert Store(tmp_path).get("abc") is None


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


def test_a_full_disk_means_one_warning_and_no_more_keeping(tmp_path, monkeypatch):
    store = Store(tmp_path)
    store.put("before", dataset())

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(schema, "save", full)
    with pytest.warns(UserWarning, match="No space left"):
        store.put("abc", dataset())
    store.put("def", dataset())  # warnings are errors: there is no second one
    assert store.get("abc") is None
    assert store.get("before") is not None


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


@pytest.mark.parametrize("key", ["../abc", "a/b", "", "a.b"])
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
