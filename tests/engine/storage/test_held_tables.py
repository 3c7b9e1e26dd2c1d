"""Uploaded tables: named by their content, bounded, and gone with their session."""

import gc
import os
import stat

import pytest

from landscape_core.foundation.errors import FileFormatError, MissingDataError, SpecError
from landscape_core.models.datasets.table import Table
from landscape_core.storage import held_tables
from landscape_core.storage.held_tables import HeldTables, held_table

TEXT = b"x,y\n1,a\n2,b\n3,a\n4,b\n"


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(held_tables, "_root", lambda: tmp_path / "tables")
    return tmp_path / "tables"


def test_a_table_is_read_by_its_name_and_only_while_it_is_held(root):
    held = HeldTables()
    name = held.hold(TEXT, "mine.csv")
    assert name in held
    assert name not in HeldTables()
    assert Table(path=name).build(0).classes == 2
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    held.release()
    assert name not in held
    assert list(root.iterdir()) == []
    with pytest.raises(MissingDataError, match=f"needed .SHA-256 {name[7:19]}….*upload it here"):
        Table(path=name).build(0)


def test_tables_go_with_what_holds_them(root):
    held = HeldTables()
    held.hold(TEXT, "mine.csv")
    assert list(root.iterdir())
    del held
    gc.collect()
    assert list(root.iterdir()) == []


def test_a_file_that_was_changed_is_not_taken_for_the_table():
    held = HeldTables()
    name = held.hold(TEXT, "mine.csv")
    held_table(name).write_bytes(TEXT + b"5,a\n")
    with pytest.raises(MissingDataError, match="needed"):
        held_table(name)


def test_the_oldest_tables_are_dropped_and_the_renewed_stay():
    held = HeldTables()
    names = [held.hold(TEXT + b"%d,a\n" % i, "mine.csv") for i in range(held_tables.MOST)]
    held.renew(names[0])
    held.hold(TEXT, "mine.csv")
    assert [name in held for name in names] == [True, False, True, True]


def test_what_is_no_table_or_too_large_is_not_held(root, monkeypatch):
    held = HeldTables()
    with pytest.raises(SpecError, match=r"a table: \.csv"):
        held.hold(TEXT, "../../mine.sh")
    monkeypatch.setattr(held_tables, "LARGEST", 5)
    with pytest.raises(FileFormatError, match="at most"):
        held.hold(TEXT, "mine.csv")
    assert not root.exists()


@pytest.mark.parametrize(
    "name", ["sha256:", "sha256:../../etc/passwd", "sha256:*", "sha256:" + "0" * 64]
)
def test_a_name_is_no_path(name):
    HeldTables().hold(TEXT, "mine.csv")
    with pytest.raises(MissingDataError):
        held_table(name)


def test_what_a_process_has_left_is_removed(root):
    left = root / f"{2**22 + 1}-{'0' * 16}"  # more than the processes of a machine
    left.mkdir(parents=True, mode=0o700)
    root.chmod(0o700)
    alive = root / f"{os.getpid()}-{'1' * 16}"
    alive.mkdir()
    held = HeldTables()
    held.hold(TEXT, "mine.csv")
    assert not left.exists()
    assert alive.exists()


def test_a_folder_that_others_may_write_to_is_not_used(root):
    root.mkdir()
    root.chmod(0o777)
    with pytest.raises(MissingDataError, match="not a folder of this user alone"):
        HeldTables().hold(TEXT, "mine.csv")
