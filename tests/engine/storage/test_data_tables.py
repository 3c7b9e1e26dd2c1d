"""Tables in files: read as another reader does, within bounds, and nothing of them is run."""

import io
import warnings
import zipfile

import numpy as np
import pytest

from landscape_core.foundation.errors import FileFormatError, MissingPackageError
from landscape_core.storage import csv_tables, npz_tables, parquet_tables
from landscape_core.storage.data_tables import read_table


def written(folder, text, name="t.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def values(path):
    return {name: one.values.tolist() for name, one in read_table(path).columns.items()}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_separators_and_line_ends_do_not_matter(tmp_path, separator, end):
    rows = [["x", "y"], ["1", "a"], ["2.5", "b"], ["-3e2", "a"]]
    text = end.join(separator.join(row) for row in rows) + end + end
    assert values(written(tmp_path, text)) == {"x": [1.0, 2.5, -300.0], "y": ["a", "b", "a"]}


def test_a_file_without_names_has_numbered_columns(tmp_path):
    assert values(written(tmp_path, "1,2\n3,4\n")) == {
        "column 1": [1.0, 3.0],
        "column 2": [2.0, 4.0],
    }


def test_numbers_that_count_columns_are_names(tmp_path):
    found = values(written(tmp_path, ",0,1,target\n0,2.5,3,a\n1,4,5,b\n"))
    assert found == {"column 1": [0, 1], "0": [2.5, 4], "1": [3, 5], "target": ["a", "b"]}


def test_commas_between_digits_separate_nothing_with_another_separator(tmp_path):
    found = values(written(tmp_path, "1,5 m;2,5 m;name\n1,5;2,5;a\n"))
    assert found == {"1,5 m": ["1,5"], "2,5 m": ["2,5"], "name": ["a"]}


@pytest.mark.parametrize("row", ["5.1,3.5,setosa", "0,a", "0,5;1"])
def test_a_first_row_that_may_be_values_is_refused(tmp_path, row):
    with pytest.raises(FileFormatError, match="the first row has text and numbers"):
        read_table(written(tmp_path, f"{row}\n" * 4))


def test_the_last_digit_of_a_number_is_read(tmp_path):
    numbers = np.random.default_rng(0).normal(size=200) * 10.0 ** np.arange(-100, 100)
    text = "x,y\n" + "".join(f"{float(one)!r},1\n" for one in numbers)
    assert values(written(tmp_path, text))["x"] == numbers.tolist()


def test_quotes_may_hold_separators_and_missing_values_are_counted(tmp_path):
    path = written(tmp_path, '\ufeff"a, b",c,d\n"1",NA,true\n2,"x, y",false\n')
    table = read_table(path)
    assert [*table.columns] == ["a, b", "c", "d"]
    assert table.columns["a, b"].values.tolist() == [1.0, 2.0]
    assert table.columns["c"].values.tolist() == ["", "x, y"]
    assert (table.columns["c"].missing, table.columns["a, b"].missing) == (1, 0)
    assert (table.columns["d"].logical, table.columns["d"].values.tolist()) == (True, [1.0, 0.0])


def test_numbers_that_are_not_finite_are_missing(tmp_path):
    column = read_table(written(tmp_path, "x,y\ninf,1\nnan,2\n1e999,3\n4,5\n")).columns["x"]
    assert column.missing == 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x,y\n1,2\n3\n", "row 3 has 1 cells, and the first has 2"),
        ("x,y\n1,2,9\n3,4,9\n", "row 2 has 3 cells, and the first has 2"),
        ("x,x\n1,2\n", "two columns with the name 'x'"),
        ('x,y\n1,"2\n', "t.csv: after row 1"),
        ("", "t.csv is empty"),
        ("x\n1\n", "has 1 columns and 1 rows"),
        ("x,y\n", "has 2 columns and 0 rows"),
        (b"x,y\n1,\xff\n", "not text in UTF-8"),
        (b"x,y\n1,\0\n", "zero byte"),
        ("x,y\x1b[2J\n1,2\n", "name of a column must be printable"),
        (f"{'x' * 300},y\n1,2\n", "at most 200 characters"),
        ("," * 1000 + "\n" + "," * 1000 + "\n", "1001 columns"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, text, told):
    with pytest.raises(FileFormatError, match=told):
        read_table(written(tmp_path, text))


def test_a_thousand_with_a_separator_is_text_and_no_other_number(tmp_path):
    assert values(written(tmp_path, 'x,y\n"1,000",1_000\n'))["x"] == ["1,000"]
    assert values(written(tmp_path, 'x,y\n"1,000",1_000\n'))["y"] == ["1_000"]


def test_other_endings_are_refused_with_those_that_are_read(tmp_path):
    with pytest.raises(FileFormatError, match=r"t\.xlsx is no table.*\.csv.*\.parquet"):
        read_table(written(tmp_path, "x", "t.xlsx"))


def test_large_files_are_refused_before_they_are_read(tmp_path, monkeypatch):
    path = written(tmp_path, "x,y\n1,2\n" * 20)
    monkeypatch.setattr(csv_tables, "LARGEST", 50)
    with pytest.raises(FileFormatError, match="at most"):
        read_table(path)


def npz(folder, **arrays):
    np.savez(folder / "t.npz", **arrays)
    return folder / "t.npz"


def test_arrays_are_columns_and_matrices_several(tmp_path):
    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    path = npz(tmp_path, x=x, y=np.array([True, False, True]), z=np.array(["a", "b", "c"]))
    assert values(path) == {
        "x[0]": [0.0, 2.0, 4.0], "x[1]": [1.0, 3.0, 5.0], "y": [1.0, 0.0, 1.0],
        "z": ["a", "b", "c"],
    }  # fmt: skip


class Hostile:
    def __reduce__(self):
        return print, ("run by a pickle",)


def header(shape, kind="<f8"):
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        out, {"descr": kind, "fortran_order": False, "shape": shape}
    )
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (header((2**40,)), "at most 1000000 rows"),
        (header((0, 2**40)), "1000 columns are read"),
        (header((100,)), "declares more than it holds"),
        (header((2**19,), "|O"), "Python objects"),
        (header(()), r"the shape \(\)"),
        (b"no array", "cannot be read as .npz"),
    ],
)
def test_arrays_that_lie_or_hold_objects_are_refused(tmp_path, content, told):
    with zipfile.ZipFile(tmp_path / "t.npz", "w") as parts:
        parts.writestr("x.npy", content)
        parts.writestr("y.npy", content)
    with pytest.raises(FileFormatError, match=told):
        read_table(tmp_path / "t.npz")


def test_two_arrays_of_one_name_are_refused(tmp_path):
    with warnings.catch_warnings(), zipfile.ZipFile(tmp_path / "a.npz", "w") as parts:
        warnings.simplefilter("ignore")  # of the name
        for value in (1, 2):
            with parts.open("x.npy", "w") as part:
                np.save(part, np.full(3, value))
    with pytest.raises(FileFormatError, match=r"a\.npz has two arrays with the name 'x'"):
        read_table(tmp_path / "a.npz")


def test_no_pickle_of_an_array_is_run(tmp_path, capsys):
    np.savez(tmp_path / "t.npz", x=np.array([Hostile()] * 2), y=np.arange(2))
    with pytest.raises(FileFormatError, match="Python objects, which are not read"):
        read_table(tmp_path / "t.npz")
    assert capsys.readouterr().out == ""


def test_arrays_of_different_lengths_and_bombs_are_refused(tmp_path, monkeypatch):
    with pytest.raises(FileFormatError, match="different lengths"):
        read_table(npz(tmp_path, x=np.arange(3), y=np.arange(4)))
    np.savez_compressed(tmp_path / "bomb.npz", x=np.zeros(10**5), y=np.zeros(10**5))
    monkeypatch.setattr(npz_tables, "LARGEST", 10**6)
    with pytest.raises(FileFormatError, match="at most"):
        read_table(tmp_path / "bomb.npz")


def test_parquet_without_its_package_says_what_to_install(tmp_path, monkeypatch):
    path = written(tmp_path, b"PAR1", "t.parquet")
    monkeypatch.setattr(parquet_tables, "ENGINES", ("no_such_package",))
    with pytest.raises(MissingPackageError, match="needs the package pyarrow or fastparquet"):
        read_table(path)


@pytest.mark.parametrize("engine", ["pyarrow", "fastparquet"])
def test_parquet_is_read_as_it_was_written(tmp_path, monkeypatch, engine):
    module = pytest.importorskip(engine)
    import pandas  # takes a while to import

    frame = pandas.DataFrame({"x": [1.5, None, 3.0], "n": [1, 2, 3], "s": ["a", None, "c"]})
    if engine == "pyarrow":
        frame.to_parquet(tmp_path / "t.parquet", engine=engine)
    else:
        module.write(str(tmp_path / "t.parquet"), frame)
    monkeypatch.setattr(parquet_tables, "_installed", lambda: [engine])
    found = read_table(tmp_path / "t.parquet").columns
    assert found["n"].values.tolist() == [1.0, 2.0, 3.0]
    assert found["x"].values[[0, 2]].tolist() == [1.5, 3.0]
    assert (found["x"].missing, found["s"].missing) == (1, 1)
    assert found["s"].values.tolist() == ["a", "", "c"]


def test_a_damaged_parquet_file_is_refused(tmp_path):
    pytest.importorskip("pyarrow")
    with pytest.raises(FileFormatError, match="cannot be read as Parquet"):
        read_table(written(tmp_path, b"PAR1nothingPAR1", "t.parquet"))


def test_a_changed_file_is_read_again(tmp_path):
    path = written(tmp_path, "x,y\n1,2\n")
    assert values(path)["x"] == [1.0]
    written(tmp_path, "x,y\n77,2\n")
    assert values(path)["x"] == [77.0]


def test_a_shared_column_cannot_be_written_to(tmp_path):
    column = read_table(written(tmp_path, "x,y\n1,2\n")).columns["x"]
    with pytest.raises(ValueError, match="read-only"):
        column.values[0] = 3.0
