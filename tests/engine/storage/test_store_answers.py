"""The store never answers another question: code, files and constants that change after writing."""

import linecache
import logging
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

import cases
from code_pairs import TABLE, of_config, written
from impure_code import IMPURE
from landscape_core import (
    Random,
    Run,
    SliceSpec,
    Spectrum,
    Supervised,
    Watch,
    content_key,
    curvature_along_run,
    curvature_of_run,
    landscape,
    parts_at,
    record_run,
    result,
    run_of,
    sharpness_at,
    slice_of_run,
    slice_of_trajectory,
)
from landscape_core.connectivity.connected_runs import connect_runs
from landscape_core.connectivity.connection import Connection
from landscape_core.connectivity.paths.straight import Straight
from landscape_core.experiments.trajectory import with_run
from landscape_core.foundation import part_files
from landscape_core.foundation.errors import FileFormatError, MissingDataError, SpecError
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.datasets.mnist import MNIST
from landscape_core.models.datasets.spirals import Spirals
from landscape_core.models.file_digests import data_digests
from landscape_core.storage.store import Store
from landscape_core.training.optimizers.sgd import SGD
from written_code import loaded

ROOT = Path(__file__).resolve().parents[3]

PARTS = """
from dataclasses import dataclass
from landscape_core import Optimizer
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.datasets.base import Data, Split
from landscape_core.models.datasets.spirals import Spirals
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.training.optimizers.sgd import SGD
from landscape_core.training.samplers.shuffled import Shuffled
from landscape_core.training.schedules.constant import Constant
"""


def part(base, body, before=""):
    """A part of one's own, `Mine`, that goes into a run."""
    body = body.replace("\n", "\n    ")
    made = f"\n@dataclass(frozen=True, kw_only=True)\nclass Mine({base}):\n    {body}\n"
    return f"{PARTS}\n{before}\n{made}"


def step(by, more="", before=""):
    """An optimizer of one's own, that multiplies its gradient by an expression."""
    return part(
        "SGD",
        f"{more}\ndef step(self, objective, theta, memory):\n"
        f"    return theta - 0.01 * {by} * objective.gradient(theta), memory",
        before,
    )


OPTIMIZERS = {
    "a number of a step": step("$"),
    "a helper of a step": step("helper()", "", "def helper():\n    return $"),
    "a constant of a step": step("SCALE", "", "SCALE = $"),
    "a class attribute of an optimizer": step("self.scale", "scale = $"),
    "a property of an optimizer": step("self.scale", "scale = property(lambda self: $)"),
    "a static method of an optimizer": step("self.f()", "@staticmethod\ndef f():\n    return $"),
    "a base of an optimizer": part(
        "Base",
        "pass",
        "class Base(SGD):\n    def step(self, objective, theta, memory):\n"
        "        return theta - $e-2 * objective.gradient(theta), memory\n",
    ),
    "a module of an optimizer": of_config(step("config.scale", "", "import config")),
    "a module within a step": of_config(
        step(
            "scale()",
            "",
            "import config\ndef scale():\n    from config import scale\n    return scale",
        )
    ),
    "a table of an optimizer": step("TABLE['a']()", "", "TABLE = {'a': lambda: $}"),
    "a partial of an optimizer": step(
        "HALF(4)", "", "HALF = functools.partial(lambda x, y: x/y, y=$)"
    ),
    "a data class of an optimizer": step(
        "CONFIG.x", "", "@dataclasses.dataclass\nclass C:\n    x: float = 1\nCONFIG = C($)"
    ),
}

OTHERS = {
    "a loss": part(
        "CrossEntropy",
        "def __call__(self, outputs, targets):\n"
        "    return $ * CrossEntropy.__call__(self, outputs, targets)",
    ),
    "a data set": part(
        "Spirals",
        "def build(self, seed):\n    found = Spirals.build(self, seed)\n"
        "    data = [Data($ * p.inputs, p.targets) for p in (found.train, found.test)]\n"
        "    return Split(*data, found.classes)",
    ),
    "an architecture": part(
        "MLP",
        "def build(self, *shape):\n    net = MLP.build(self, *shape)\n"
        "    for p in net.parameters():\n        p.data.mul_($)\n    return net",
    ),
    "a schedule": part("Constant", "def factor(self, index, steps):\n    return $ / 4"),
    "a sampler": part(
        "Shuffled",
        "def draw(self, asked, drawing):\n"
        "    return asked.whole.minibatch(torch.arange($)), drawing",
    ),
}

PLACES = {
    "a loss": ("problem", "loss"),
    "a data set": ("problem", "dataset"),
    "an architecture": ("problem", "architecture"),
    "a schedule": ("schedule",),
    "a sampler": ("sampler",),
}

SMALL = Run(
    problem=Supervised(dataset=Spirals(points=20), architecture=MLP(width=2)),
    steps=2,
    batch_size=4,
)


def small(made, *place):
    """The small run with another part in some place."""
    if place[0] == "problem":
        return SMALL.replace(problem=SMALL.problem.replace(**{place[1]: made}))
    return SMALL.replace(**{place[0]: made})


def run_with(name, module):
    return small(module.Mine(), *PLACES.get(name, ("optimizer",)))


def idx(values):
    head = struct.pack(">HBB", 0, 8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape)
    return head + values.astype(np.uint8).tobytes()


def images(folder, seed=0, count=8, side=2):
    """The four files of MNIST with tiny images of some seed; the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for name in ("train", "t10k"):
        pixels, labels = rng.integers(0, 256, (count, side, side)), rng.integers(0, 10, count)
        (folder / f"{name}-images-idx3-ubyte").write_bytes(idx(pixels))
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(idx(labels))
    return folder


def of_images(folder):
    data = MNIST(folder=str(folder), limit=8)
    return SMALL.replace(problem=SMALL.problem.replace(dataset=data))


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "kept")


RECIPES = {**OPTIMIZERS, **OTHERS}


@pytest.mark.parametrize("name", RECIPES)
def test_another_part_of_a_run_has_another_key(name, tmp_path):
    keys = []
    for at, value in enumerate(("2", "3", "2")):
        with loaded(tmp_path / str(at), written(RECIPES[name], value)) as module:
            keys.append(content_key("trajectory", run_with(name, module)))
    assert keys[0] != keys[1]
    assert keys[0] == keys[2]


def test_two_classes_of_one_name_in_one_notebook_have_two_keys(store):
    """The second answered with the first one's run."""
    found = []
    for value in ("2", "3"):
        names = {"__name__": "__main__"}
        exec(compile(step(value), f"<cell {value}>", "exec"), names)
        found.append(result(record_run(small(names["Mine"](), "optimizer"), store)))
    assert not np.array_equal(found[0]["theta"], found[1]["theta"])
    assert len(store.entries()) == 2


def test_two_modules_whose_last_part_is_the_same_have_two_keys(tmp_path):
    sources = {
        "mine": "import alpha.part, beta.part\n",
        **{f"{top}.part": step("2") for top in ("alpha", "beta")},
    }
    with loaded(tmp_path, sources) as module:
        runs = [small(one.part.Mine(), "optimizer") for one in (module.alpha, module.beta)]
        assert content_key(runs[0]) != content_key(runs[1])


def test_a_part_of_ones_own_is_never_read_as_one_of_the_catalogue(tmp_path, store):
    """The recipe's text names it as the catalogue's own file of that name."""
    sources = {
        "mine": "import own.spirals\n",
        "own.spirals": OTHERS["a data set"].replace("$", "2"),
    }
    with loaded(tmp_path, sources) as module:
        path = result(record_run(small(module.own.spirals.Mine(), "problem", "dataset"), store))
    with pytest.raises(SpecError, match=r"own\.spirals\.Mine"):
        run_of(path)


PACKAGE = {
    "mine": "import own.parts.one, own.parts.two\n",
    "own.parts.base": "from landscape_core import Recipe\nclass Base(Recipe):\n    pass\n",
    "own.parts.one": part("Base", "pass", "from own.parts.base import Base"),
    "own.parts.two": part("Base", "pass", "from own.parts.base import Base"),
    "own.parts._shared": "",
}


@pytest.mark.parametrize("edited", PACKAGE)
def test_a_part_of_the_laboratory_is_told_by_its_file_and_what_its_folder_shares(
    edited, tmp_path, monkeypatch
):
    monkeypatch.setattr(part_files, "SHIPPED", ("own",))
    keys = []
    for at, more in enumerate(("", "# edited\n")):
        sources = {**PACKAGE, edited: PACKAGE[edited] + more}
        with loaded(tmp_path / str(at), sources) as module:
            keys.append(content_key(module.own.parts.one.Mine()))
    reaches = edited in ("own.parts.one", "own.parts.base", "own.parts._shared")
    assert (keys[0] != keys[1]) == reaches


EDITED = """
import sys
from pathlib import Path
from landscape_core.models.content_key import content_key
from landscape_core.training.optimizers.sgd import SGD
place = Path(sys.modules[SGD.__module__].__file__)
place.write_text(place.read_text().replace("alpha=self", "alpha=-self"))
print(content_key(SGD()))
"""


def test_a_part_that_is_edited_while_it_runs_is_what_runs(tmp_path):
    """Else its answers were kept under the key of a file that they are not by."""
    shutil.copytree(ROOT / "landscape_core", tmp_path / "landscape_core")
    place = tmp_path / "landscape_core" / "training" / "optimizers" / "sgd.py"
    before, found = place.read_text(), []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-B", "-c", EDITED],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            cwd=tmp_path,
            check=True,
        )
        found.append(done.stdout.strip())
    assert place.read_text() != before
    assert found[0] == content_key(SGD()) != found[1]


def test_data_are_told_by_their_bytes_wherever_they_lie(tmp_path, monkeypatch, store):
    one, same, other = images(tmp_path / "a"), images(tmp_path / "b"), images(tmp_path / "c", 1)
    first = result(record_run(of_images(one), store))
    again = result(record_run(of_images(same), store))
    assert first.drop_attrs().equals(again.drop_attrs())
    assert run_of(again) == of_images(same)
    assert len(store.entries()) == 1
    monkeypatch.chdir(tmp_path)
    assert content_key(of_images("a")) == content_key(of_images(one))
    monkeypatch.chdir(other)
    assert not result(record_run(of_images("."), store)).equals(first)
    assert len(store.entries()) == 2


def test_a_file_that_is_only_touched_is_the_same(tmp_path):
    folder = images(tmp_path / "a")
    before = content_key(of_images(folder))
    for path in folder.iterdir():
        os.utime(path, (0, 0))
    assert content_key(of_images(folder)) == before


def test_a_file_of_the_same_size_and_time_is_another(tmp_path):
    folder = images(tmp_path / "a")
    before, path = content_key(of_images(folder)), folder / "train-images-idx3-ubyte"
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    os.utime(path, ns=times)
    assert content_key(of_images(folder)) != before


def test_which_files_a_run_was_trained_on_is_noted(tmp_path):
    run = of_images(images(tmp_path / "a"))
    path = result(record_run(run))
    assert set(data_digests(run)) == {
        *("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
        *("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
    }
    assert all(digest in path.attrs["data_files"] for digest in data_digests(run).values())
    assert "data_files" not in result(record_run(SMALL)).attrs


READERS = {
    "parts": lambda path, run, store: parts_at(path),
    "curvature": lambda path, run, store: result(
        curvature_of_run(path, Spectrum(top=1, bottom=0, probes=0), store=store)
    ),
    "curvature along the run": lambda path, run, store: result(
        curvature_along_run(path, Watch(), count=2, store=store)
    ),
    "sharpness": lambda path, run, store: result(sharpness_at(path, ["perturbation"], store=store)),
    "a slice": lambda path, run, store: result(
        slice_of_trajectory(with_run(path, run), SliceSpec(resolution=3), store)
    ),
}


@pytest.mark.parametrize("name", READERS)
def test_weights_are_not_read_on_other_data_than_theirs(name, tmp_path, store):
    """The slice mixed the two: a path trained on one, a loss read on the other."""
    run = of_images(images(tmp_path / "a"))
    path = result(record_run(run, store))
    READERS[name](path, run, store)
    images(tmp_path / "a", seed=1)
    with pytest.raises(FileFormatError, match=r"a: t10k-images-idx3-ubyte and 3 more changed"):
        READERS[name](path, run, store)
    images(tmp_path / "a")
    READERS[name](path, run, store)
    (tmp_path / "a" / "train-images-idx3-ubyte").unlink()
    with pytest.raises(MissingDataError, match="train-images"):
        READERS[name](path, run, store)


def test_a_trajectory_is_read_on_its_data_in_another_folder(tmp_path):
    run = of_images(images(tmp_path / "a"))
    path, moved = result(record_run(run)), of_images(images(tmp_path / "b"))
    found = READERS["a slice"](path, moved, None)
    assert alike(found, READERS["a slice"](path, run, None))
    images(tmp_path / "b", seed=1)
    with pytest.raises(FileFormatError, match="b: t10k"):
        READERS["a slice"](path, moved, None)
    with pytest.raises(SpecError, match="must be as recorded"):
        READERS["a slice"](path, moved.replace(seed=1).replace(problem=run.problem), None)


@pytest.mark.parametrize("name", READERS)
def test_a_trajectory_that_does_not_name_its_files_is_read_as_ever(name, tmp_path, store):
    run = of_images(images(tmp_path / "a"))
    path = result(record_run(run))
    del path.attrs["data_files"]
    images(tmp_path / "a", seed=1)
    READERS[name](path, run, store)


def test_a_connection_of_replaced_data_is_another(tmp_path, store):
    folder = images(tmp_path / "a")

    def found(store=None):
        first = of_images(folder)
        asked = Connection(
            first=first, second=first.replace(seed=1), path=Straight(), points=3, resolution=0
        )
        return result(connect_runs(asked, store))

    before = found(store)
    images(folder, seed=1)
    assert not found(store).equals(before)
    assert found(store).equals(found())


def test_a_run_whose_code_no_key_tells_is_trained_and_not_kept(tmp_path, store):
    source = step("HELD", "", "import threading\nLOCK = threading.Lock()\nHELD = 2").replace(
        "return theta", "LOCK\n        return theta"
    )
    with loaded(tmp_path, {"mine": source}) as module:
        with pytest.warns(UserWarning, match="This run is not kept: .* got 'lock'"):
            found = result(record_run(small(module.Mine(), "optimizer"), store))
        assert found.equals(result(record_run(small(module.Mine(), "optimizer"))))
    assert store.entries() == []


def slice_with(module, store=None):
    """A tiny slice of what a module of one's own defines."""
    measures = {"own": module.measure} if hasattr(module, "measure") else None
    return landscape(
        cases.filled(getattr(module, "net", cases.mlp)()),
        getattr(module, "loss", torch.nn.functional.cross_entropy),
        cases.vectors(6),
        adapter=getattr(module, "adapter", None),
        measures=measures,
        resolution=3,
        strategy="loop",
        store=store,
    )


def run_of_data(folder, store=None):
    return result(record_run(of_images(folder), store))


def slice_of_data(folder, store=None):
    spec = SliceSpec(directions=Random(), resolution=3, dimensions=1)
    return result(slice_of_run(of_images(folder), spec, store))


def wrong_answers(folder, store, sources, asked):
    """Of which modules a store, after a change, does not give what is computed without it."""
    wrong = []
    for at, (name, source) in enumerate(sources.items()):
        with loaded(folder / f"{at} before", written(source, "2")) as module:
            asked(name, module, store)
        with loaded(folder / f"{at} after", written(source, "3")) as module:
            if not alike(asked(name, module, store), asked(name, module, None)):
                wrong.append(name)
    return wrong


def alike(one, other):
    """Whether two datasets hold the same but for rounding, which is that of the strategy."""
    try:
        xr.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    except AssertionError:
        return False
    return True


CHANGED = {
    "a path that is opened": lambda kept, monkeypatch: kept.write_text("3"),
    "a file by io": lambda kept, monkeypatch: kept.write_text("3"),
    "a raw file": lambda kept, monkeypatch: kept.write_text("3"),
    "a line of a file": lambda kept, monkeypatch: (kept.write_text("3"), linecache.clearcache()),
    "a file by a pattern": lambda kept, monkeypatch: kept.write_text("3"),
    "a reader in a table": lambda kept, monkeypatch: kept.write_text("3"),
    "a reader in a partial": lambda kept, monkeypatch: kept.write_text("3"),
    "the size of a file": lambda kept, monkeypatch: kept.write_text("333"),
    "whether there is a file": lambda kept, monkeypatch: kept.unlink(),
    "the bytes of the environment": lambda kept, monkeypatch: monkeypatch.setenv("OWN", "3"),
    "the environment in a path": lambda kept, monkeypatch: monkeypatch.setenv("OWN", "3"),
    "the command line": lambda kept, monkeypatch: monkeypatch.setattr(sys, "argv", ["a"] * 99),
    "the working directory": lambda kept, monkeypatch: monkeypatch.chdir("/"),
    "the level of a logger": lambda kept, monkeypatch: monkeypatch.setattr(
        logging.getLogger("own"), "level", 3
    ),
    "an imported name": lambda kept, monkeypatch: monkeypatch.setattr("config.scale", 3),
    "a loaded module": lambda kept, monkeypatch: monkeypatch.setattr("config.scale", 3),
    "what it remembers": lambda kept, monkeypatch: (
        monkeypatch.setattr("mine.SCALE", 3),
        sys.modules["mine"].inner.cache_clear(),
    ),
}
"""How what a loss reads is changed, by the names of such losses."""


@pytest.mark.filterwarnings("ignore:.*unclosed file:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", CHANGED)
def test_what_a_loss_reads_besides_its_arguments_is_read_anew(name, tmp_path, store, monkeypatch):
    """One module, one function: what it reads has changed, and the store does not answer."""
    monkeypatch.setenv("OWN", "2")
    kept = tmp_path / "number"
    kept.write_text("2")
    with loaded(tmp_path, IMPURE[name]) as module:
        with pytest.warns(UserWarning, match="This slice is not kept"):
            before = slice_with(module, store)
        CHANGED[name](kept, monkeypatch)
        with pytest.warns(UserWarning, match="This slice is not kept"):
            after = slice_with(module, store)
        assert not alike(before, after)
        assert after.equals(slice_with(module))


@pytest.mark.parametrize("every", [8, pytest.param(1, marks=pytest.mark.exhaustive)])
def test_of_two_hundred_entries_none_answers_what_was_changed_after_it_was_written(
    every, tmp_path, store
):
    """Each is written, then its code, file or constant is changed, and it is asked again."""

    def some(table):
        return dict(list(table.items())[::every])

    def trained(name, module, kept):
        return result(record_run(run_with(name, module), kept))

    wrong = wrong_answers(
        tmp_path / "slices", store, some(TABLE), lambda _, module, kept: slice_with(module, kept)
    )
    wrong += wrong_answers(tmp_path / "runs", store, some(RECIPES), trained)
    for seed in range(0, 40, every):
        folder = images(tmp_path / "data", seed)
        for asked in (run_of_data, slice_of_data):
            if not alike(asked(folder, store), asked(folder)):
                wrong.append((asked.__name__, seed))
    assert wrong == []
    assert len(store.entries()) >= 200 // every
