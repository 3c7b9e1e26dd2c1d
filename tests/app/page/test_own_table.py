"""Your own table on a page: uploaded, its columns chosen, and no file of the server."""

import base64
import json

import pytest

from landscape_core.foundation.errors import LandscapeError, MissingDataError, SpecError
from landscape_core.models.datasets.table import Table
from landscape_core.storage import held_tables
from landscape_core.storage.store import Store
from landscape_lab.exports.base import Shown
from landscape_lab.exports.command import Command
from landscape_lab.exports.python import program
from landscape_lab.page.controller import Page
from landscape_lab.state.file_names import check_names_no_files
from landscape_lab.state.link import place
from landscape_lab.state.preset import presets
from landscape_lab.worker import thread
from waiting import until

DATA = "run.problem.dataset"
TEXT = "a,b,word,kind\n" + "".join(
    f"{i % 7},{i * i % 5},w{i},{'yes' if i % 3 else 'no'}\n" for i in range(40)
)


class Dialog:
    """What a browser with the dialog would do."""

    def __init__(self, page):
        self.page, self.told = page, []
        page.settings.uploader.view._send_msg = self.told.append

    @property
    def last(self):
        return self.told[-1] if self.told else {}

    def send(self, **message):
        self.page.settings.uploader.view.on_message(message)

    def upload(self, content, name="mine.csv", part=700):
        self.send(begin=name, size=len(content))
        while (last := self.last)["action"] == "more":
            at = last["done"]
            self.send(part=base64.b64encode(content[at : at + part]).decode())
        until(lambda: self.last["action"] in ("verdict", "fail"))

    def choose(self, **choice):
        self.told.clear()
        self.send(**{"target": "kind", "task": "automatic", "use": False} | choice)
        until(lambda: self.last and self.last["action"] in ("verdict", "close"))


@pytest.fixture(autouse=True)
def _nobody_draws(monkeypatch):
    monkeypatch.setattr(thread, "PATIENCE", 0.01)


@pytest.fixture(scope="module", autouse=True)
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("held") / "tables"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(held_tables, "_root", lambda: folder)
        yield folder


@pytest.fixture(scope="module")
def page(tmp_path_factory, root):
    link = "preset=spirals&step=2&slice.resolution=5&run.problem.architecture.width=4"
    page = Page(link, store=Store(tmp_path_factory.mktemp("store")))
    page.ready()
    at_rest(page)
    yield page
    page.close()


def at_rest(page):
    until(lambda: page.picture is not None and not page.run.busy)


def row(page, name):
    parts = json.loads(page.layout.form.view.sections)
    return next(r for part in parts for r in part["fields"] if r["path"] == f"{DATA}.{name}")


def test_a_table_is_uploaded_its_columns_chosen_and_a_run_trained_on_it(page):
    dialog = Dialog(page)
    page.choose(DATA, "table")
    assert dialog.last == {"action": "open"}
    assert not isinstance(page.scene.run.problem.dataset, Table)
    dialog.upload(TEXT.encode())
    shown = next(one for one in dialog.told if one["action"] == "table")
    assert shown["title"] == "mine.csv: 40 rows, 4 columns"
    assert [(c["name"], c["numeric"]) for c in shown["columns"]] == [
        ("a", True), ("b", True), ("word", False), ("kind", False),
    ]  # fmt: skip
    assert (shown["target"], shown["features"]) == ("kind", ["a", "b"])
    said = "Classification into 2 classes (no, yes): 40 rows, 2 features."
    assert dialog.last == {"action": "verdict", "text": said, "fits": True}
    dialog.choose(features=["a", "word"])
    assert not dialog.last["fits"]
    assert "columns of numbers" in dialog.last["text"]
    dialog.choose(features=[])
    assert dialog.last["text"] == "Choose at least one feature."
    dialog.choose(features=["a", "b"], use=True)
    until(lambda: isinstance(page.picture.run.problem.dataset, Table) and not page.run.busy)
    data = page.picture.run.problem.dataset
    assert (data.target, data.features) == ("kind", "a,b")
    assert page.picture.slice["loss"].notnull().all()
    assert page.layout.guide.shown["question"].startswith("The data are not those of")
    assert row(page, "path")["shown"] == "mine.csv"
    assert row(page, "features")["shown"] == "2 of 3 columns"
    assert [o["value"] for o in row(page, "target")["options"]] == ["a", "b", "word", "kind"]

    # The other columns of the form; numbers as the target bring the loss for numbers.
    for name, value in (("features", "b"), ("target", "a"), ("task", "regression")):
        page.choose(f"{DATA}.{name}", value)
        at_rest(page)
    assert page.picture.run.problem.dataset.task == "regression"
    assert type(page.picture.run.problem.loss).__name__ == "SquaredError"


def test_what_leaves_the_page_says_which_table_and_never_where_it_lies(page, root):
    picture, there = page.picture, page.run.place
    name = picture.run.problem.dataset.path
    link = there.link()
    assert f"{DATA}.path={name}" in link
    code = program(there, picture)
    command = next(Command().made(Shown(there, picture))).content.decode()
    digest = name.removeprefix("sha256:")
    for told in (code, command):
        assert f"table-{digest[:8]}.csv" in told
        assert digest in told
        assert "is needed: your table" in told
        assert f"table_step_{picture.seen}.nc" in told
    for told in (code, command, link):
        assert str(root) not in told


def test_a_visitor_opens_a_table_of_the_own_session_and_of_no_other(page):
    name = page.picture.run.problem.dataset.path
    there = page.run.place
    check_names_no_files(there, page.run.held)
    with pytest.raises(MissingDataError, match=f"needed .SHA-256 {name[7:19]}….*holds no data"):
        check_names_no_files(there)
    other = place("run.problem.dataset=table&run.problem.dataset.path=sha256:" + "0" * 64)
    with pytest.raises(MissingDataError, match="uploaded in another session is needed"):
        check_names_no_files(other, page.run.held)


def test_a_path_of_the_server_is_refused_alike_whether_it_is_there_or_not(page, monkeypatch):
    monkeypatch.setattr(type(page.run), "visited", True)
    before = page.scene
    for path in (__file__, "/no/such/file.csv"):
        page.choose(f"{DATA}.path", path)
        error = page.layout.form.view.errors[f"{DATA}.path"]
        assert "no visitor of a served page names files" in error
        assert page.scene == before
        with pytest.raises(SpecError, match="no visitor of a served page"):
            check_names_no_files(place(f"{DATA}=table&{DATA}.path={path}"), page.run.held)


def test_a_link_to_a_table_by_path_holds_the_digest_in_place_of_the_path(tmp_path):
    path = tmp_path / "private.csv"
    path.write_text(TEXT, encoding="utf-8")
    there = place(f"preset=spirals&{DATA}=table&{DATA}.path={path}")
    link = there.link()
    assert "private" not in link
    assert f"{DATA}.path=sha256:" in link
    missing = place(f"preset=spirals&{DATA}=table&{DATA}.path={tmp_path}/secret.csv").link()
    assert "secret" not in missing
    with pytest.raises(LandscapeError, match="of unknown content"):
        place(missing).scene.run.problem.dataset.build(0)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("mine.exe", b"x", "a table"),
        ("mine.csv", b"x,y\n1\n", "row 2 has 1 cells"),
        ("mine.npz", b"nothing", "cannot be read as .npz"),
    ],
)
def test_what_is_no_table_is_refused_in_the_dialog(page, name, content, told):
    dialog = Dialog(page)
    dialog.upload(content, name)
    assert dialog.last["action"] == "fail"
    assert told in dialog.last["text"]


def test_more_or_other_bytes_than_announced_end_the_transfer(page):
    dialog = Dialog(page)
    dialog.send(begin="mine.csv", size=held_tables.LARGEST + 1)
    assert "1 to 8 MB" in dialog.last["text"]
    for part in (base64.b64encode(b"x" * 11).decode(), "no base64!"):
        dialog.send(begin="mine.csv", size=10)
        dialog.send(part=part)
        assert dialog.last["action"] == "fail"
    told = len(dialog.told)
    dialog.send(part=base64.b64encode(b"x").decode())  # nothing was begun
    assert len(dialog.told) == told


def test_tables_go_when_the_page_is_closed(tmp_path, root):
    page = Page("preset=spirals", store=Store(tmp_path / "store"))
    dialog = Dialog(page)
    page.settings.choose(DATA, "table")
    dialog.upload(TEXT.encode())
    before = len(list(root.iterdir()))
    page.close()
    assert len(list(root.iterdir())) == before - 1


def test_with_the_data_of_the_preset_its_question_is_shown_again(page):
    page.choose(DATA, "spirals")
    assert page.layout.guide.shown["question"] == presets()["spirals"].question
