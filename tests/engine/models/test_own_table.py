"""Your own table: its columns, classes or numbers, standardized, and what is refused."""

import csv

import numpy as np
import pytest
import torch

from landscape_core.foundation.errors import FileFormatError, MissingDataError, SpecError
from landscape_core.models.content_hash import Content
from landscape_core.models.datasets.table import Table
from landscape_core.models.table_columns import list_of, names_of

ROWS = 40


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "mine.csv"
    rng = np.random.default_rng(0)
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["width", "height, cm", "same", "grade", "name", "gap", "kind"])
        for i in range(ROWS):
            x, y = rng.normal(size=2)
            gap = "" if i in (3, 17) else 1.5 * i
            out.writerow([x, 100 * y, 0.1, i % 4, f"no {i}", gap, "ab"[i % 2]])
    return path


def read(path):
    """The rows by Python's own reader, in the order of the file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def made(table, **more):
    return Table(path=str(table), **more)


def test_features_are_standardized_by_the_training_rows_and_classes_are_in_order(table):
    split = made(table, features='width,"height, cm"').build(3)
    assert (len(split.train.inputs), len(split.test.inputs), split.classes) == (32, 8, 2)
    rows = read(table)
    raw = torch.tensor([[float(row["width"]), float(row["height, cm"])] for row in rows])
    kinds = [row["kind"] == "b" for row in rows]
    torch.testing.assert_close(split.train.inputs.mean(0), torch.zeros(2).double())
    torch.testing.assert_close(split.train.inputs.std(0, correction=0), torch.ones(2).double())
    everything = torch.cat([split.train.inputs, split.test.inputs])
    # Each row of the file is there once, with its own class, moved and scaled as a whole.
    slopes = (everything.max(0).values - everything.min(0).values) / (
        raw.max(0).values - raw.min(0).values
    )
    back = (everything - everything.min(0).values) / slopes + raw.min(0).values
    nearest = torch.cdist(back, raw.double()).argmin(1)
    assert sorted(nearest.tolist()) == list(range(ROWS))
    targets = torch.cat([split.train.targets, split.test.targets])
    assert targets.tolist() == [int(kinds[i]) for i in nearest]


def test_numbers_as_targets_are_standardized_and_a_constant_feature_is_zero(table):
    split = made(table, target="width", features="same,grade", task="automatic").build(0)
    assert split.classes is None
    assert split.train.targets.shape == (32, 1)
    assert float(split.train.targets.std(correction=0)) == pytest.approx(1)
    assert split.train.inputs[:, 0].abs().max() == 0


@pytest.mark.parametrize(
    ("target", "task", "classes"),
    [
        ("kind", "automatic", 2),
        ("grade", "automatic", 4),
        ("grade", "regression", None),
        ("width", "automatic", None),
        ("width", "classification", ROWS),
    ],
)
def test_the_task_follows_the_rule_and_can_be_changed(table, target, task, classes):
    data = made(table, target=target, features="same", task=task)
    assert data.build(0).classes == classes
    size = data.estimated_size()
    assert size.sample.classes == classes
    assert size.training == len(data.build(0).train.inputs)
    assert size.sample.input_shape == data.build(0).input_shape


def test_the_limit_and_the_fraction_say_how_many_rows_are_used(table):
    split = made(table, features="width", test_fraction=0.5, limit=7).build(0)
    assert (len(split.train.inputs), len(split.test.inputs)) == (7, 7)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, r"features must be columns of numbers, of which there are: width,.*gap; got 'name'"),
        ({"target": "length"}, r"Table.target must be in the table, whose columns are width,"),
        ({"features": "width,depth"}, r"Table.features must be in the table.*got 'depth'"),
        ({"features": "width,width"}, r"named once each"),
        ({"features": "kind"}, r"other columns than the target"),
        ({"features": "width", "task": "regression"}, r"classification, as kind holds text"),
        ({"features": "width,gap"}, r"2 of 40 rows have no finite value in gap \(2\).*row 4 "),
        ({"features": "width", "target": "gap"}, r"2 of 40 rows have no finite value in gap"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_in_a_sentence(table, settings, told):
    with pytest.raises((SpecError, FileFormatError), match=told):
        made(table, **settings).build(0)


def test_formulas_and_too_many_classes_are_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "".join(f"{i},=A{i % 2}\n" for i in range(9)))
    with pytest.raises(FileFormatError, match="Column y holds formulas, which are not evaluated"):
        made(path).build(0)
    path.write_text("x,y\n" + "".join(f"{i},word{i}\n" for i in range(101)))
    with pytest.raises(FileFormatError, match=r"101 different values.* 2 to 100 classes"):
        made(path).build(0)
    path.write_text("x,y\n1,a\n2,b\n3,a\n")
    with pytest.raises(FileFormatError, match="has 3 rows; at least 4"):
        made(path).build(0)


def test_without_a_file_it_is_said_how_to_name_one():
    with pytest.raises(MissingDataError, match=r"Upload or paste one in the app, or name it"):
        Table().build(0)
    for read in (Table.build, Table.files):
        with pytest.raises(MissingDataError, match=r"/no/such\.csv: no such file"):
            read(Table(path="/no/such.csv"), *([0] if read is Table.build else []))


def test_the_key_follows_the_content_and_not_the_place(table, tmp_path):
    def key(data):
        content = Content()
        content.add(data)
        return content.digest()

    copy = tmp_path / "other.csv"
    copy.write_bytes(table.read_bytes())
    assert key(made(table, features="width")) == key(made(copy, features="width"))
    copy.write_bytes(table.read_bytes().replace(b"no 7", b"no 8"))
    assert key(made(table, features="width")) != key(made(copy, features="width"))


@pytest.mark.parametrize("names", [["a"], ["a", "b c"], ["a,b", 'say "x"', "c"]])
def test_names_of_columns_survive_their_list(names):
    assert names_of(list_of(names)) == names


@pytest.mark.parametrize(
    "cells", ["0,5 1,5", "1,000 2,000", "7% 8%", "$7 $8", "1 2 3 abc", "1d3 2d3"]
)
def test_text_that_may_be_numbers_is_taken_for_no_classes_until_that_is_said(tmp_path, cells):
    path = tmp_path / "t.csv"
    path.write_text("x;y\n" + "".join(f"1;{one}\n" for one in cells.split() * 2))
    with pytest.raises(SpecError, match=r"Table\.task must be classification, if texts as"):
        made(path).build(0)
    assert made(path, task="classification").build(0).classes == len(cells.split())


@pytest.mark.parametrize("cells", ["a1 b2", "10-20 20-30", "2024-01-01 2024-01-02"])
def test_names_with_digits_are_classes(tmp_path, cells):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "".join(f"1,{one}\n" for one in cells.split() * 2))
    assert made(path).build(0).classes == 2


def test_digits_that_are_saved_as_text_are_classes(tmp_path):
    np.savez(tmp_path / "t.npz", x=np.arange(6.0), y=np.array([*"010101"]))
    assert made(tmp_path / "t.npz").build(0).classes == 2


def test_classes_that_double_precision_does_not_tell_apart_are_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "".join(f"{i},{2**53 + i % 2}\n" for i in range(6)))
    with pytest.raises(FileFormatError, match="numbers of 16 digits and more"):
        made(path).build(0)


def test_a_matrix_of_targets_is_no_feature_of_its_own_last_column(tmp_path):
    path = tmp_path / "t.npz"
    np.savez(path, x=np.arange(12.0).reshape(6, 2), y=np.eye(3)[np.arange(6) % 3])
    with pytest.raises(SpecError, match=r"the last array y has several columns; got 'y\[2\]'"):
        made(path).build(0)
    assert made(path, target="y[2]", features="x[0],x[1]").build(0).input_shape == (2,)
    np.savez(path, x=np.arange(12.0).reshape(6, 2))
    assert made(path).build(0).input_shape == (1,)
