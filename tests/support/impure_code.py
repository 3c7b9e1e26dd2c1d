"""Losses that read what no key tells: files, settings, the process, and names that are made.

Each is written beside a file `number` that holds a number, and a module `config` that does, too.
"""

from code_pairs import scaled

READ = "str(Path(__file__).with_name('number'))"

FILES = {
    "a file by io": ("import io", "float(io.open(NAME).read())"),
    "a file by its descriptor": ("", "float(os.read(os.open(NAME, os.O_RDONLY), 9))"),
    "a raw file": ("import io", "float(io.FileIO(NAME).read())"),
    "a packed file": ("import gzip", "float(gzip.open(NAME).read())"),
    "a line of a file": ("import linecache", "float(linecache.getline(NAME, 1))"),
    "a file by a pattern": ("", "float(np.fromregex(NAME, r'(.+)', [('x', float)])['x'][0])"),
    "a mapped array": ("", "float(np.lib.format.open_memmap(NAME)[0])"),
    "a source of data": ("", "float(np.lib.npyio.DataSource().open(NAME).read())"),
    "a hidden module of NumPy": ("", "float(np.core.multiarray.fromfile(NAME, sep=' ')[0])"),
    "a tensor in a file": ("", "torch.from_file(NAME, size=1).item()"),
    "a storage in a file": ("", "torch.UntypedStorage.from_file(NAME, False, 1)[0]"),
    "a table by pandas": ("import pandas", "float(pandas.read_csv(NAME).columns[0])"),
    "a reader by another name": ("import pandas\nread = pandas.read_csv", "read(NAME).size"),
    "a reader in a table": ("READERS = {'a': [np.loadtxt]}", "float(READERS['a'][0](NAME))"),
    "a reader in a partial": ("read = functools.partial(np.loadtxt)", "float(read(NAME))"),
    "a reader as a default": ("def read(f=np.loadtxt):\n    return f(NAME)", "float(read())"),
    "a module in a variable": ("def read():\n    m = np\n    return m.loadtxt(NAME)", "read()"),
    "a module imported within": ("def read():\n    import io as i\n    return i", "read().open"),
    "a name imported within": ("def read():\n    from io import open as o\n    return o", "read()"),
    "a database": ("import sqlite3", "len(sqlite3.connect(NAME).execute('select 1'))"),
    "a program": ("import subprocess", "float(subprocess.check_output(['cat', NAME]))"),
    "a pipe": ("", "float(os.popen('cat ' + NAME).read())"),
    "the size of a file": ("", "os.stat(NAME).st_size"),
    "whether there is a file": ("", "(2 if os.path.exists(NAME) else 1)"),
    "a path that is opened": ("", "float(Path(NAME).open().read())"),
    "a path that is looked at": ("", "Path(NAME).stat().st_size"),
    "a method of paths": ("look = Path.read_text", "float(look(Path(NAME)))"),
    "a reader in a layer": (
        "layer = nn.Tanh()\nlayer.read = np.loadtxt",
        "float(layer.read(NAME))",
    ),
    "a partial in a layer": (
        "layer = nn.Tanh()\nlayer.forward = functools.partial(np.loadtxt)",
        "float(layer(NAME))",
    ),
    "a function of the laboratory": (
        "from landscape_core.models.file_digests import file_digest",
        "len(file_digest(Path(NAME)))",
    ),
    "saved weights": ("", "nn.Linear.from_pretrained(NAME)"),
}

SETTINGS = {
    "the bytes of the environment": ("", "float(os.environb[b'OWN'])"),
    "the environment in a path": ("", "float(os.path.expandvars('$OWN'))"),
    "the command line": ("import sys", "len(sys.argv)"),
    "where modules lie": ("import sys", "len(sys.path)"),
    "the working directory": ("", "len(os.getcwd())"),
    "the home directory": ("", "len(str(Path.home()))"),
    "how NumPy tells errors": ("", "len(np.geterr()['over'])"),
    "the number of threads": ("", "torch.get_num_threads()"),
    "a switch of a backend": ("", "(2 if torch.backends.cudnn.benchmark else 1)"),
    "what a backend can do": ("", "(2 if torch.backends.mkldnn.is_available() else 1)"),
    "whether there is a card": ("", "(2 if torch.cuda.is_available() else 1)"),
    "the context of decimal numbers": ("import decimal", "decimal.getcontext().prec"),
    "the level of a logger": ("", "(1 + logging.getLogger('own').level)"),
    "the level of a logger that is held": ("LOG = logging.getLogger('own')", "LOG.level"),
    "whether a logger tells": ("LOG = logging.getLogger('o')", "(2 if LOG.isEnabledFor(9) else 1)"),
    "the clock": ("import time", "time.time()"),
    "today": ("import datetime", "datetime.date.today().year"),
}

NAMES = {
    "an imported name": ("import importlib", "importlib.import_module('config').scale"),
    "a loaded module": ("import sys", "sys.modules['config'].scale"),
    "its own module": ("import sys", "getattr(sys.modules[__name__], 'NA' + 'ME')"),
    "the frame": ("import inspect", "len(inspect.currentframe().f_globals['NAME'])"),
    "the globals of a function": ("", "len(loss.__globals__['NAME'])"),
    "the functions of Python": ("", "__builtins__['open'](NAME)"),
    "the module of a function": ("", "float(print.__self__.open(NAME).read())"),
    "a module that another holds": ("", "len(torch.serialization.os.getcwd())"),
    "a made name of a package": ("", "getattr(torch, 'ab' + 's')(o).sum()"),
    "an operator of one's own": ("", "torch.ops.own.scale(o)"),
    "code that is compiled": ("", "compile('2', '', 'eval').co_consts[0]"),
    "what it remembers": (
        "SCALE = 2\n@functools.lru_cache\ndef inner():\n    return SCALE",
        "inner()",
    ),
    "what a method remembers": (
        "class One:\n    x = 2\n    @functools.cache\n    def f(self):\n        return self.x\n"
        "ONE = One()",
        "ONE.f()",
    ),
    "a statistic of another package": ("import sklearn.metrics as m", "m.accuracy_score(t, t)"),
}

IMPURE = {
    name: {
        "mine": scaled(by, f"import config\nNAME = {READ}\n{before}"),
        "config": "scale = 2\n",
    }
    for name, (before, by) in {**FILES, **SETTINGS, **NAMES}.items()
}
"""The sources of modules by name, the loss in `mine`."""

BUILT = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.where = os.getcwd()

    def forward(self, inputs):
        return {}
"""

PURE = {
    "operations of torch": scaled("torch.exp(torch.special.erf(o)).mean()"),
    "functions of torch": scaled("F.max_pool2d(F.gelu(o)[None], 1).mean()", "F = nn.functional"),
    "functions of torch by other names": scaled(
        "act(pool(mul(o, 2)[None], 1)).mean()",
        "act, pool, mul = nn.functional.gelu, nn.functional.max_pool2d, torch.mul",
    ),
    "a distribution": scaled("D.log_prob(o).mean()", "D = torch.distributions.Normal(0.0, 1.0)"),
    "derivatives": scaled("torch.func.grad(lambda x: x.sum())(o).mean()"),
    "a module imported within": scaled(
        "inner(o)",
        "def inner(o):\n    import torch.nn.functional as F\n    return F.relu(o).mean()",
    ),
    "functions of NumPy": scaled("float(np.log(np.linalg.norm(np.ones(3))))"),
    "functions of scipy": scaled("float(gamma(2.0))", "from scipy.special import gamma"),
    "functions of Python": scaled(
        "functools.reduce(operator.add, itertools.chain([math.sqrt(2)], [1]))",
        "import itertools, math",
    ),
    "random numbers": scaled("(random.random() + np.random.rand() + torch.rand(()))"),
    "path arithmetic": scaled("len(os.path.join('a', str(PLACE.parent)))", "PLACE = Path('b/c')"),
    "a constant of a module": scaled("len(os.sep)"),
    "a context manager of one's own": scaled(
        "inner()",
        "import contextlib\n@contextlib.contextmanager\ndef held():\n    yield 2\n"
        "def inner():\n    with held() as two:\n        return two",
    ),
    "a function that makes no graph": scaled(
        "inner(o)", "@torch.no_grad()\ndef inner(o):\n    return o.exp().mean()"
    ),
    "a function that is transformed": scaled(
        "inner(o).mean()", "inner = torch.func.vmap(lambda x: x.sum())"
    ),
    "a function in a layer": scaled(
        "layer(o).mean()", "layer = nn.Tanh()\nlayer.forward = nn.functional.relu"
    ),
    "a gradient of one's own": scaled(
        "Own.apply(o).mean()",
        "class Own(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n"
        "        return 2 * x\n    @staticmethod\n    def backward(ctx, g):\n        return 2 * g",
    ),
    "layers of torch": "def net():\n    return nn.Sequential(nn.Linear(3, 8), nn.LayerNorm(8), "
    "nn.GELU(), nn.TransformerEncoderLayer(8, 2, 8, batch_first=True), nn.Linear(8, 3))\n",
    "a network that was built by a setting": BUILT.format("self.first(inputs)") + "net = Net\n",
    "a recurrent network": "class Net(nn.Module):\n    def __init__(self):\n"
    "        super().__init__()\n        self.cell = nn.GRU(1, 3, batch_first=True)\n"
    "    def forward(self, x):\n        return self.cell(x[..., None])[0][:, -1]\nnet = Net\n",
}
"""What gives a key, as nothing but arguments decides."""
