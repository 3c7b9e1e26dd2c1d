"""Keys by content: what changes an answer changes the key, and what does not leaves it."""

import os
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch

import cases
from code_pairs import TABLE, class_of, network, of_config, scaled, written
from impure_code import BUILT, IMPURE, PURE
from landscape_core.foundation.errors import SpecError
from landscape_core.models import installed
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.directions.random import Random
from landscape_core.slices.grid import Grid
from landscape_core.slices.model_plan import probe_of
from landscape_core.slices.one_call import landscape
from landscape_core.slices.slice_key import slice_key
from landscape_core.slices.strategies.loop import Loop
from landscape_core.storage.store import Store
from written_code import HEAD, NET, loaded

ROOT = Path(__file__).resolve().parents[3]
GRID = Grid.square(1.0, 3)


def key_of(module):
    """The key of a slice of what a module of one's own defines: `net`, `loss`, `adapter`, ..."""
    net = cases.filled(getattr(module, "net", cases.mlp)())
    loss = getattr(module, "loss", torch.nn.functional.cross_entropy)
    adapter = getattr(module, "adapter", None)
    part = ModelObjective(net, loss, *cases.vectors(), adapter=adapter)
    measures = {"own": module.measure} if hasattr(module, "measure") else {}
    read = probe_of({"train": part}, Random(), measures, strategy=Loop())
    return slice_key(read, GRID)


def test_what_is_typed_is_ones_own_wherever_the_program_lies(monkeypatch):
    """The programs that run notebooks are installed; the functions typed into them are not."""
    keys = []
    main = types.ModuleType("__main__")
    main.__file__ = np.__file__
    monkeypatch.setitem(sys.modules, "__main__", main)
    for value in (2, 3):
        exec(HEAD + scaled("helper()", f"def helper():\n    return {value}"), vars(main))
        keys.append(key_of(main))
    assert keys[0] != keys[1]


def test_there_are_many_pairs():
    assert len(TABLE) >= 60


@pytest.mark.parametrize("name", TABLE)
def test_another_key_where_there_is_another(name, tmp_path):
    keys = []
    for at, value in enumerate(("2", "3", "2")):
        with loaded(tmp_path / str(at), written(TABLE[name], value)) as module:
            keys.append(key_of(module))
    assert keys[0] != keys[1]
    assert keys[0] == keys[2]


LOSS = scaled("SCALE", "SCALE = 2.0")
PART = "class Part:\n    {}\n    scale = 2.0\n"
HOOKED = network(after="made.register_forward_hook(lambda m, x, y: 2 * y)")

ALIKE = {
    "where a function stands": (LOSS, "\n" * 7 + LOSS),
    "comments": (LOSS, LOSS.replace("SCALE = 2.0", "SCALE = 2.0  # twice")),
    "a docstring": (LOSS, LOSS.replace("    return", '    """Twice the loss."""\n    return')),
    "another docstring": (
        LOSS.replace("    return", '    """Twice."""\n    return'),
        LOSS.replace("    return", '    """Two\n    times."""\n    return'),
    ),
    "a docstring beside None": (
        "def loss(o, t):\n    x = None\n    return cross_entropy(o, t) if x is None else x\n",
        'def loss(o, t):\n    "It."\n    x = None\n'
        "    return cross_entropy(o, t) if x is None else x\n",
    ),
    "the docstring of a class": (
        PART.format("pass") + scaled("Part.scale"),
        PART.format('"""Kept."""') + scaled("Part.scale"),
    ),
    "the docstring of a class in a function": (
        scaled("Inner.x").replace("    return", "    class Inner:\n        x = 2\n    return"),
        scaled("Inner.x").replace(
            "    return", '    class Inner:\n        "It."\n        x = 2\n    return'
        ),
    ),
    "the docstring of a method": (
        class_of("def scale(self):\n    return 2", "self.scale()"),
        class_of("def scale(self):\n    'Two.'\n    return 2", "self.scale()"),
    ),
    "the docstring of a property": (
        class_of("@property\ndef scale(self):\n    return 2"),
        class_of("@property\ndef scale(self):\n    'Two.'\n    return 2"),
    ),
    "the docstring of a network": (
        NET + "\nnet = Net",
        NET.replace("Module):", 'Module):\n    """Mine."""\n') + "\nnet = Net",
    ),
    "annotations": (LOSS, LOSS.replace("loss(o, t)", "loss(o: torch.Tensor, t) -> torch.Tensor")),
    "the name of a local variable": (
        "def loss(o, t):\n    a = cross_entropy(o, t)\n    return a\n",
        "def loss(o, t):\n    b = cross_entropy(o, t)\n    return b\n",
    ),
    "how a line is broken": (
        "def loss(o, t):\n    return 2 * cross_entropy(o, t)\n",
        "def loss(o, t):\n    return 2 * cross_entropy(\n        o,\n        t,\n    )\n",
    ),
    "a function that is not called": (LOSS, LOSS + "\ndef other():\n    return 1\n"),
    "a number that is not read": (LOSS, "OTHER = 3\n" + LOSS),
    "an attribute under the name of a global": (
        "data = 1\ndef loss(o, t):\n    return cross_entropy(o.data, t)\n",
        "data = (x for x in ())\ndef loss(o, t):\n    return cross_entropy(o.data, t)\n",
    ),
    "what is not taken out of a module": (
        of_config(scaled("config.scale", "import config"), "scale = 2\n"),
        of_config(scaled("config.scale", "import config"), "import io\nother = 3\nscale = 2\n"),
    ),
    "a function of a module that is not called": (
        of_config(scaled("inner()", "from config import inner"), "def inner():\n    return 2\n"),
        of_config(
            scaled("inner()", "from config import inner"),
            "def other():\n    return 3\ndef inner():\n    return 2\n",
        ),
    ),
    "the order in which a set is filled": (
        scaled("len(SET)", "SET = set(['a', 'b', 'c', 'd'])"),
        scaled("len(SET)", "SET = set(['d', 'c', 'b', 'a'])"),
    ),
    "the order in which a set of objects is filled": (
        scaled("len(SET)", "class A:\n    pass\nclass B:\n    pass\nSET = {A, B, int, A()}"),
        scaled("len(SET)", "class A:\n    pass\nclass B:\n    pass\nSET = {A(), int, B, A}"),
    ),
    "hooks that were there and went": (
        HOOKED,
        HOOKED + "for _ in range(3):\n    net().first.register_forward_hook(len).remove()\n",
    ),
    "what a cache remembers": (
        scaled("inner(2)", "@functools.cache\ndef inner(x):\n    return x"),
        scaled("inner(2)", "@functools.cache\ndef inner(x):\n    return x\ninner(2)"),
    ),
    "numbers without a name of an enumeration": (
        "class Bits(enum.IntFlag, boundary=enum.KEEP):\n    ONE = 1\n" + scaled("Bits.ONE"),
        "class Bits(enum.IntFlag, boundary=enum.KEEP):\n    ONE = 1\nBits(8)\n"
        + scaled("Bits.ONE"),
    ),
    "what a path remembers": (
        scaled("len(PLACE.parts)", "PLACE = Path('none')"),
        scaled("len(PLACE.parts)", "PLACE = Path('none')\nhash(PLACE), str(PLACE)"),
    ),
    "what a function by kind remembers": (
        scaled("by(1)", "@functools.singledispatch\ndef by(x):\n    return 2"),
        scaled("by(1)", "@functools.singledispatch\ndef by(x):\n    return 2\nby(1), by('')"),
    ),
    "how much a logger tells": (
        LOSS.replace("    return", "    LOG.info('it')\n    return")
        + "LOG = logging.getLogger('own')\n",
        LOSS.replace("    return", "    LOG.info('it')\n    return")
        + "LOG = logging.getLogger('own')\nLOG.addHandler(logging.StreamHandler())\n",
    ),
    "the mode of a network": (network(after="made.train()"), network(after="made.eval()")),
    "a program that was compiled": (
        LOSS,
        "import py_compile\npy_compile.compile(__file__, cfile=__file__ + 'c')\n" + LOSS,
    ),
    "how numbers are printed": (
        scaled("float(ONE[0])", "ONE = np.array([(2.0,)], [('x', float)])[0]"),
        scaled("float(ONE[0])", "ONE = np.array([(2.0,)], [('x', float)])[0]")
        + "np.set_printoptions(precision=2)\n",
    ),
}


def test_there_are_many_that_are_alike():
    assert len(ALIKE) >= 25


@pytest.mark.parametrize("name", ALIKE)
def test_the_same_key_for_what_changes_nothing(name, tmp_path):
    keys, printed = [], np.get_printoptions()
    for at, sources in enumerate(ALIKE[name]):
        sources = {"mine": sources} if isinstance(sources, str) else sources
        with loaded(tmp_path / str(at), sources) as module:
            keys.append(key_of(module))
    np.set_printoptions(**printed)
    assert keys[0] == keys[1]


def holding(expression, before=""):
    """A loss that refers to something."""
    used = "def loss(o, t):\n    HELD\n    return cross_entropy(o, t)\n"
    return f"{before}\nHELD = {expression}\n{used}"


REFUSED = {
    "a generator": holding("(x for x in [1])"),
    "an iterator": holding("iter([1])"),
    "a counter": holding("itertools.count()", "import itertools"),
    "a lock": holding("threading.Lock()", "import threading"),
    "what differs by thread": holding("threading.local()", "import threading"),
    "a weak reference": holding("weakref.ref(nn.Linear)", "import weakref"),
    "weak values": holding("weakref.WeakValueDictionary()", "import weakref"),
    "text in memory": holding("io.StringIO('text')", "import io"),
    "a view of memory": holding("memoryview(b'bytes')"),
    "a generator of NumPy": holding("np.random.default_rng(0)"),
    "an old generator of NumPy": holding("np.random.RandomState(0)"),
    "a generator of torch": holding("torch.Generator()"),
    "a generator of Python": holding("random.Random(0)", "import random"),
    "a variable of a context": holding("contextvars.ContextVar('x')", "import contextvars"),
    "a number of C": holding("ctypes.c_int(1)", "import ctypes"),
    "a sparse tensor": holding("torch.eye(2).to_sparse()"),
    "a tensor without values": holding("torch.ones(2, device='meta')"),
    "a list that holds itself": holding("[]") + "HELD.append(HELD)\n",
    "a dictionary that is hidden": holding(
        "Own()", "class Own:\n    __dict__ = property(lambda self: {})"
    ),
    "a class that pretends to hold nothing": holding(
        "Own([1])", "class Own(collections.deque):\n    __slots__ = ()"
    ),
    "a function made by NumPy": holding("np.frompyfunc(lambda x: x, 1, 1)"),
    "an open file within": scaled("(open(os.devnull).close() or 2)"),
    "text that is run": scaled("eval('2')"),
    "all global names": scaled("globals()['SCALE']", "SCALE = 2"),
    "a file that is read by a path": scaled("float(Path(__file__).read_text()[:0] or 2)"),
    "a file that is read by torch": scaled("(2 if o.sum() else torch.load('none'))"),
    "a file that is read by NumPy": scaled("(2 if o.sum() else np.load('none'))"),
    "a file that a method reads": class_of(
        "def read(self):\n    return open(os.devnull).close() or 2", "self.read()"
    ),
    "a file that a property reads": class_of(
        "@property\ndef scale(self):\n    return open(os.devnull).close() or 2"
    ),
    "a file that a method reads which is called by its text": class_of(
        "def read(self):\n    return open(os.devnull).close() or 2",
        "operator.methodcaller('read')(self)",
    ),
    "its own documentation": scaled("float(loss.__doc__ or 2)"),
    "its own annotations": scaled("len(loss.__annotations__) + 2"),
    "where it stands": scaled("(loss.__code__.co_firstlineno and 2)"),
    "a module that is imported later": scaled("2").replace(
        "    return", "    if o is None:\n        import later\n    return"
    ),
    "a module that hides what is asked": of_config(
        holding("config", "import config"),
        "import threading\nHELD = threading.Lock()\ndef loss():\n    return HELD\n",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_key_tells_is_computed_and_not_kept(name, tmp_path):
    sources = REFUSED[name]
    sources = {"later": "", "mine": sources} if isinstance(sources, str) else sources
    store = Store(tmp_path / "kept")
    with loaded(tmp_path / "code", sources) as module:
        asked = cases.mlp(), module.loss, cases.vectors()
        with pytest.warns(UserWarning, match=r"^This slice is not kept: .* must be .*; got .*\.$"):
            found = landscape(*asked, resolution=3, store=store, strategy="loop")
        assert found.equals(landscape(*asked, resolution=3, strategy="loop"))
    assert store.entries() == []


@pytest.mark.parametrize("name", IMPURE)
def test_what_reads_more_than_its_arguments_has_no_key(name, tmp_path):
    refused = pytest.raises(SpecError, match=r"must be .*; got .*\.$")
    with loaded(tmp_path, IMPURE[name]) as module, refused:
        key_of(module)


@pytest.mark.parametrize("name", PURE)
def test_what_arguments_alone_decide_has_a_key(name, tmp_path):
    keys = []
    for folder in ("one", "other"):
        with loaded(tmp_path / folder, {"mine": "import random\n" + PURE[name]}) as module:
            keys.append(key_of(module))
    assert keys[0] == keys[1]


def test_a_network_that_makes_another_one_by_a_setting_has_no_key(tmp_path):
    source = BUILT.format("Net().double().first(inputs)") + "net = Net\n"
    refused = pytest.raises(SpecError, match="getcwd")
    with loaded(tmp_path, {"mine": source}) as module, refused:
        key_of(module)


OUTSIDE = """
import functools, logging, os, sys
from torch import nn

LOG = logging.getLogger(__name__)

class Config:
    def __init__(self):
        self.width, self.read = 3, os.getcwd

@functools.lru_cache
def width():
    return len(sys.argv) and 3

def scale():
    return len(os.sep)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.config, self.layer, self.norm = Config(), nn.Linear(3, width()), nn.LayerNorm
        self.act = functools.partial(scale)

    def forward(self, inputs):
        LOG.debug(os.getcwd())
        return self.act() * self.layer(inputs)
"""

OF_OUTSIDE = {
    "a network": "def net():\n    return outside.Net()\n",
    "layers of it": "def net():\n    return nn.Sequential(nn.Linear(3, 3), outside.Net())\n",
    "a network of one's own on its base": "class Own(outside.Net):\n    def forward(self, x):\n"
    "        return 2 * super().forward(x)\nnet = Own\n",
    "a network of one's own with layers of it": "class Own(nn.Module):\n    def __init__(self):\n"
    "        super().__init__()\n        self.body = outside.Net()\n"
    "        outside.scale()\n    def forward(self, x):\n        return self.body(x)\nnet = Own\n",
}


@pytest.mark.parametrize("name", OF_OUTSIDE)
def test_networks_of_installed_packages_have_a_key_whatever_they_read(name, tmp_path, monkeypatch):
    monkeypatch.setattr(installed, "PACKAGES", {*installed.PACKAGES, str(tmp_path / "site")})
    with loaded(tmp_path / "site", {"outside": OUTSIDE, "config": ""}, first="outside"):
        source = "import outside\n" + OF_OUTSIDE[name]
        with loaded(tmp_path / "own", {"mine": source}) as module:
            assert key_of(module) == key_of(module)


def test_ones_own_code_on_a_function_of_an_installed_package_has_no_key(tmp_path, monkeypatch):
    monkeypatch.setattr(installed, "PACKAGES", {*installed.PACKAGES, str(tmp_path / "site")})
    refused = pytest.raises(SpecError, match=r"outside\.scale")
    with loaded(tmp_path / "site", {"outside": OUTSIDE}, first="outside"):
        source = "import outside\n" + scaled("outside.scale()")
        with loaded(tmp_path / "own", {"mine": source}) as module, refused:
            key_of(module)


def test_decimal_numbers_are_told_with_their_context(tmp_path):
    source = "import decimal\nHELD = decimal.Decimal(1)\n" + scaled("float(HELD / 3)")
    keys = []
    with loaded(tmp_path, {"mine": source}) as module:
        for digits in (28, 3):
            with module.decimal.localcontext() as context:
                context.prec = digits
                keys.append(key_of(module))
    assert keys[0] != keys[1]


RAISING = """
class Own:
    def __init__(self):
        self.scale = 2
    def __reduce__(self):
        raise ValueError
    def __{}__(self, *more):
        raise ValueError
"""

STRANGE = {
    **{
        f"an object whose {name} raises an error": holding("Own()", RAISING.format(name))
        for name in ("eq", "hash", "repr", "len", "iter", "bool", "getattr", "getstate", "sizeof")
    },
    "a property that raises an error": holding(
        "Own()", "class Own:\n    @property\n    def scale(self):\n        raise ValueError"
    ),
    "a module that gives nothing": of_config(
        holding("config", "import config"),
        "def __getattr__(name):\n    raise AttributeError(name)\n",
    ),
    "a closure of many numbers": "def made(held):\n    def loss(o, t):\n"
    "        return held[0] * cross_entropy(o, t)\n    return loss\n"
    "loss = made(list(range(1, 20_001)))\n",
    "a function that calls itself": scaled(
        "down(3)", "def down(n):\n    return 1 if n == 0 else down(n - 1)"
    ),
    "functions that call each other": scaled(
        "up(3)", "def up(n):\n    return n and down(n)\ndef down(n):\n    return 1 or up(n)"
    ),
    "objects that know each other": holding(
        "One()",
        "class One:\n    def __init__(self):\n        self.other = Two(self)\n"
        "class Two:\n    def __init__(self, one):\n        self.one = one",
    ),
    "an object in a set of its own": holding(
        "One()", "class One:\n    def __init__(self):\n        self.all = {self}"
    ),
    "a large number": holding("7 ** 9_999"),
    "a date": holding("datetime.datetime(2026, 1, 1)", "import datetime"),
    "a decimal number": holding("decimal.Decimal('0.1')", "import decimal"),
    "a network that is scripted": "def net():\n    return nn.Sequential(nn.Linear(3, 3))\n"
    "HELD = torch.jit.script(nn.Linear(3, 3).double())\n"
    "def loss(o, t):\n    return cross_entropy(HELD(o), t)\n",
    "a network that is compiled": "HELD = torch.compile(nn.Linear(3, 3), backend='eager')\n"
    "def loss(o, t):\n    HELD\n    return cross_entropy(o, t)\n",
    "a network that can be read from a file": network() + "def load(made, path):\n"
    "    with open(path) as file:\n        return torch.load(file)\nNet.load = load\n"
    "Net.saved = classmethod(lambda cls: eval('cls'))\n",
    "a method of a class of torch": holding("torch.Tensor.sum"),
    "an abstract class": holding(
        "Own()",
        "import abc\nclass Base(abc.ABC):\n    @abc.abstractmethod\n    def f(self): ...\n"
        "class Own(Base):\n    def f(self):\n        return 1",
    ),
    "a generic class": holding(
        "Own()", "T = typing.TypeVar('T')\nclass Own(typing.Generic[T]):\n    x: list[T]"
    ),
    "a protocol": holding(
        "Own()", "class Base(typing.Protocol):\n    x: int\nclass Own(Base):\n    x = 1"
    ),
    "a function of scipy": scaled("logsumexp([0.0, 1.0])", "from scipy.special import logsumexp"),
}

NOT_TOLD = {"a network that is scripted", "a network that is compiled"}
"""Which may be kept or not."""


def test_what_a_method_that_is_not_called_leads_to_is_told_where_else_it_is_used(tmp_path):
    """What was met on the way to the open file is not all told yet."""
    source = (
        class_of("def load(self):\n    return HELD, open(os.devnull)", "HELD[0].scale")
        + "class Held:\n    scale = $\nHELD = [Held()]\n"
    )
    keys = []
    for value in ("2", "3"):
        with loaded(tmp_path / value, written(source, value)) as module:
            keys.append(key_of(module))
    assert keys[0] != keys[1]


@pytest.mark.parametrize("name", STRANGE)
def test_strange_things_are_told_and_stop_nothing(name, tmp_path, recwarn):
    sources = STRANGE[name]
    sources = {"mine": sources} if isinstance(sources, str) else sources
    store = Store(tmp_path / "kept")
    with loaded(tmp_path / "code", sources) as module:
        net = cases.filled(getattr(module, "net", cases.mlp)())
        loss = getattr(module, "loss", torch.nn.functional.cross_entropy)
        asked = net, loss, cases.vectors()
        found = landscape(*asked, resolution=3, store=store, strategy="loop")
        assert found.equals(landscape(*asked, resolution=3, strategy="loop"))
        if name not in NOT_TOLD:
            assert key_of(module) == key_of(module)
            assert len(store.entries()) == 1


RICH = """
WORDS = {"a", "b", "c", "d", "e", "f"}
KINDS = frozenset([int, str, dict, ("x", frozenset("yz"))])

class Kind(enum.Flag):
    ONE = 1
    TWO = 2

class One:
    parts = {"k", "l", "m"}
    def __init__(self, held):
        self.held = held
    def __call__(self, o, t):
        return len(self.held) * cross_entropy(o, t) if t in {"u", "v", "w"} else 0

@dataclasses.dataclass(frozen=True)
class Config:
    names: frozenset = frozenset(("n", "o", "p"))

def net():
    made = nn.Sequential(nn.Linear(3, 3), nn.Tanh())
    made.register_forward_hook(lambda module, given, found: found)
    return nn.utils.parametrizations.weight_norm(made[0]) and made

class Own(Optimizer):
    names = WORDS

HELD = [One(WORDS), One({One(1), One("two"), Kind.ONE | Kind.TWO, Config()}), KINDS, Config, Own]
def loss(o, t):
    import config
    return HELD and getattr(config, "sca" + "le") * cross_entropy(o, t)
"""

ASKED = """
import importlib, sys
sys.path[:0] = sys.argv[1:]
import config, mine
from landscape_core.models.content_hash import Content
from landscape_core.training.optimizers.adam import Adam
content = Content()
content.add(mine.loss, Adam())
content.add_network(mine.net())
print(content.digest())
"""


@pytest.mark.slow
@pytest.mark.parametrize("count", [3, pytest.param(10, marks=pytest.mark.exhaustive)])
def test_many_processes_give_one_key(count, tmp_path):
    """Whatever order their sets have, and wherever the code lies."""
    optimizer = "from landscape_core.training.optimizers.base import Optimizer\n"
    running = []
    for seed in range(count):
        folder = tmp_path / str(seed)
        folder.mkdir()
        (folder / "config.py").write_text("scale = 2\nnames = {'q', 'r', 's'}\n")
        # Weights are equal, as nothing else draws numbers before them.
        (folder / "mine.py").write_text(
            HEAD + optimizer + "torch.random.default_generator.manual_seed(0)\n" + RICH
        )
        command = [sys.executable, "-c", ASKED, str(folder)]
        env = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)}
        running.append(
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env, cwd=folder)
        )
        if seed % 2:
            for one in running[-2:]:
                one.wait(timeout=120)
    keys = [one.communicate()[0].strip() for one in running]
    assert all(len(key) == 64 for key in keys)
    assert len(set(keys)) == 1
