"""Code by what it depends on: sources with `$` for a value that changes what they compute."""

from written_code import NET


def written(sources, value):
    """Sources by the names of their modules, with a value in the place of `$`."""
    sources = {"mine": sources} if isinstance(sources, str) else sources
    return {name: source.replace("$", value) for name, source in sources.items()}


CALLED = "loss = Loss()\n"


def scaled(by, before=""):
    """A loss that multiplies by an expression."""
    return f"{before}\ndef loss(o, t):\n    return {by} * cross_entropy(o, t)\n"


def of_config(mine, config="scale = $\n"):
    return {"mine": mine, "config": config}


def class_of(body, call="self.scale"):
    """A loss that is an object of a class of this body."""
    body = body.replace("\n", "\n    ")
    return (
        f"class Loss:\n    {body}\n"
        f"    def __call__(self, o, t):\n        return {call} * cross_entropy(o, t)\n{CALLED}"
    )


def network(more="", after=""):
    """A network with something more in its constructor, and lines after it."""
    body = NET.replace("nn.Linear(4, 3)\n", "nn.Linear(4, 3)\n        " + (more or "pass") + "\n")
    return f"{body}\ndef net():\n    made = Net()\n    {after or 'pass'}\n    return made\n"


FORWARD = "return self.second(torch.tanh(self.first(inputs)))"


def forward(by, before=""):
    """A network whose outputs are multiplied by an expression."""
    return f"{before}\n" + network().replace(FORWARD, f"{FORWARD} * {by}")


def sequential(layers, before=""):
    return f"{before}\ndef net():\n    a, b = nn.Linear(3, 3), nn.Linear(3, 3)\n    {layers}\n"


CODE = {
    "a number in a function": scaled("$"),
    "a number in a nested function": scaled("inner()", "").replace(
        "    return", "    inner = lambda: $\n    return"
    ),
    "a number in a comprehension": scaled("sum([$ for _ in range(2)])"),
    "a number in a class within a function": scaled("Inner.scale").replace(
        "    return", "    class Inner:\n        scale = $\n    return"
    ),
    "an operator": "def loss(o, t):\n    return cross_entropy(o, t) if $ > 2 else o.sum()\n",
    "a default": "def loss(o, t, scale=$):\n    return scale * cross_entropy(o, t)\n",
    "a default by keyword": "def loss(o, t, *, scale=$):\n    return scale * cross_entropy(o, t)\n",
    "what a closure holds": "def made(scale):\n" + "    "
    "return lambda o, t: scale * cross_entropy(o, t)\nloss = made($)\n",
    "what a list in a closure holds": "def made(scale):\n    "
    "return lambda o, t: scale[0] * cross_entropy(o, t)\nloss = made([$])\n",
    "a global number": scaled("SCALE", "SCALE = $"),
    "a global that a called function reads": scaled(
        "inner()", "SCALE = $\ndef inner():\n    return SCALE"
    ),
    "a lambda in a dictionary": scaled("TABLE['a']()", "TABLE = {'a': lambda: $}"),
    "a lambda in a list of pairs": scaled("TABLE[0][1]()", "TABLE = [('a', lambda: $)]"),
    "what catches an error": "def loss(o, t):\n    try:\n        return cross_entropy(o, t)\n    "
    "except ValueError:\n        return $ * o.sum()\n",
    "a member of a set": scaled("min(MEMBERS)", "MEMBERS = {$, 'a', 'b'}").replace(
        "min(MEMBERS)", "len({str(one) for one in MEMBERS})"
    ),
    "a member of a set of objects": scaled(
        "len(MEMBERS)", "class One:\n    scale = $\nMEMBERS = {One(), int, str}"
    ),
    "the attribute of a function": scaled("loss.scale") + "loss.scale = $\n",
    "what a decorator does": scaled("1")
    .replace("\ndef loss", "@decorated\ndef loss", 1)
    .join(
        [
            "def decorated(f):\n    @functools.wraps(f)\n    def inner(o, t):\n"
            "        return $ * f(o, t)\n    return inner\n",
            "",
        ]
    ),
    "what is decorated": "def decorated(f):\n    return functools.wraps(f)(lambda o, t: f(o, t))\n"
    "@decorated\ndef loss(o, t):\n    return $ * cross_entropy(o, t)\n",
    "a function by the kind of its argument": scaled(
        "inner(1)",
        "@functools.singledispatch\ndef inner(x):\n    return 1\n"
        "@inner.register\ndef _(x: int):\n    return $\n",
    ),
    "a pattern": scaled("len(PATTERN.findall('11223'))", "PATTERN = re.compile('$')"),
    "a slice": "PART = slice(0, $)\ndef loss(o, t):\n    return cross_entropy(o[PART], t[PART])\n",
    "a queue": scaled("QUEUE[0]", "QUEUE = collections.deque([$])"),
    "a structured number": scaled(
        "float(ONE['scale'])", "ONE = np.array([(1 + $e-12,)], [('scale', float)])[0]"
    ),
    "an environment variable": scaled(
        "float(os.getenv('OWN_SCALE'))", "os.environ['OWN_SCALE'] = '$'"
    ),
    "an environment variable in the dictionary": scaled(
        "float(os.environ['OWN_SCALE'])", "os.environ['OWN_SCALE'] = '$'"
    ),
    "a number of a class of its own": scaled(
        "SCALE", "class Own(float):\n    __repr__ = lambda self: 'scale'\nSCALE = Own($)"
    ),
    "a text of a class of its own": scaled(
        "float(str.__str__(SCALE))",
        "class Own(str):\n    __repr__ = lambda self: 'scale'\nSCALE = Own('$')",
    ),
    "a slot of a dictionary of its own": scaled(
        "SCALE.scale",
        "class Own(dict):\n    __slots__ = ('scale',)\nSCALE = Own()\nSCALE.scale = $",
    ),
    "what a class says it is": scaled(
        "SCALE.scale",
        "class Own:\n    __class__ = property(lambda self: int)\n"
        "    __repr__ = lambda self: '1'\n    __index__ = lambda self: 1\n"
        "SCALE = Own()\nSCALE.scale = $",
    ),
    "the order of an ordered dictionary": scaled(
        "next(iter(ORDER))",
        "ORDER = collections.OrderedDict({1: 0, 2: 0})\nif $ > 2:\n    ORDER.move_to_end(1)",
    ),
    "a function that was put into a package": scaled("np.own_scale()", "np.own_scale = lambda: $"),
    "a number that was put into a package": scaled("np.own_number", "np.own_number = $"),
    "a partial of another function": scaled("inner()", "inner = functools.partial(lambda: $)"),
    "a partial as a measure": "measure = functools.partial(lambda o, t, scale: scale * o, scale=$)",
    "a partial as an adapter": "adapter = functools.partial(torch.mul, $)",
    "a partial as an attribute": "adapter = None\n"
    + network("self.scale = functools.partial(torch.mul, $)"),
    "a measure": "def measure(o, t):\n    return $ * o.sum()\n",
    "an adapter": "def adapter(found):\n    return $ * found\n",
}

MODULES = {
    "a function of a module": of_config(
        scaled("inner()", "from config import inner"), "def inner():\n    return $\n"
    ),
    "what a function of a module calls": of_config(
        scaled("inner()", "from config import inner"),
        "def inner():\n    return other()\ndef other():\n    return $\n",
    ),
    "a value of a module": of_config(scaled("config.scale", "import config")),
    "a value of a module by another name": of_config(
        scaled("c.scale", "import config").replace("    return", "    c = config\n    return")
    ),
    "a value of a module that is handed on": of_config(
        scaled("inner(config)", "import config\ndef inner(c):\n    return c.scale")
    ),
    "a value of a module that an object holds": of_config(
        "import config\n"
        + class_of("def __init__(self):\n    self.config = config", "self.config.scale")
    ),
    "a value of a module in a partial": of_config(
        scaled("inner()", "import config\ninner = functools.partial(lambda c: c.scale, config)")
    ),
    "a value of a module in a default": of_config(
        scaled("inner()", "import config\ndef inner(c=config):\n    return c.scale")
    ),
    "a value of a module in a list": of_config(
        scaled("inner()", "import config\nHELD = [config]\ndef inner():\n    return HELD[0].scale")
    ),
    "a value of a module imported within": of_config(
        scaled("config.scale", "import config as known").replace(
            "    return", "    import config\n    return"
        )
    ),
    "a value imported within": of_config(
        scaled("scale", "import config as known").replace(
            "    return", "    from config import scale\n    return"
        )
    ),
    "a value of a module of a package": {
        "mine": scaled("box.config.scale", "import box.config"),
        "box.__init__": "",
        "box.config": "scale = $\n",
    },
    "a value of a module by its text": of_config(
        scaled("getattr(config, 'scale')", "import config")
    ),
    "a value of a module by a text that is made": of_config(
        scaled("getattr(config, 'sc' + NAME)", "import config\nNAME = 'ale'")
    ),
    "a value of a module's dictionary": of_config(
        scaled("vars(config)['sca' + NAME]", "import config\nNAME = 'le'")
    ),
    "what a module makes when asked": of_config(
        scaled("config.scale", "import config"), "def __getattr__(name):\n    return $\n"
    ),
    "one of two modules that know each other": {
        "mine": scaled("one.inner()", "import one"),
        "one": "import two\ndef inner():\n    return two.scale()\n",
        "two": "import one\nvalue = $\ndef scale():\n    return one.two.value\n",
    },
}

CLASSES = {
    "a class attribute": class_of("scale = $"),
    "an attribute": class_of("def __init__(self):\n    self.scale = $"),
    "a property": class_of("@property\ndef scale(self):\n    return $"),
    "a property that is cached": class_of(
        "@functools.cached_property\ndef scale(self):\n    return $"
    ),
    "a static method": class_of("@staticmethod\ndef scale():\n    return $", "self.scale()"),
    "a class method": class_of("@classmethod\ndef scale(cls):\n    return $", "self.scale()"),
    "a method": class_of("def scale(self):\n    return $", "self.scale()"),
    "a method that is a partial": class_of(
        "def power(self, by):\n    return by\nscale = functools.partialmethod(power, $)",
        "self.scale()",
    ),
    "a method by the kind of its argument": class_of(
        "@functools.singledispatchmethod\ndef scale(self, x):\n    return 1\n"
        "@scale.register\ndef _(self, x: int):\n    return $",
        "self.scale(1)",
    ),
    "a base class": "class Base:\n    scale = $\n"
    + class_of("pass").replace("Loss:", "Loss(Base):"),
    "a base of a base": "class Root:\n    scale = $\nclass Base(Root):\n    pass\n"
    + class_of("pass").replace("Loss:", "Loss(Base):"),
    "the class of a class": "class Meta(type):\n    scale = $\n"
    + class_of("pass", "type(self).scale").replace("Loss:", "Loss(metaclass=Meta):"),
    "what a descriptor gives": "class Given:\n    def __get__(self, one, kind):\n        return $\n"
    + class_of("scale = Given()"),
    "what a descriptor holds": "class Given:\n    def __init__(self, s):\n        self.s = s\n"
    "    def __get__(self, one, kind):\n        return self.s\n" + class_of("scale = Given($)"),
    "a slot": class_of("__slots__ = ('scale',)\ndef __init__(self):\n    self.scale = $"),
    "a slot under the name of another": "class Base:\n    __slots__ = ('scale',)\n"
    + class_of("__slots__ = ('scale',)", "Base.scale.__get__(self)").replace("Loss:", "Loss(Base):")
    + "Base.scale.__set__(loss, $)\nloss.scale = 1\n",
    "a private slot": class_of(
        "__slots__ = ('__scale',)\ndef __init__(self):\n    self.__scale = $", "self.__scale"
    ),
    "a field of a data class": "@dataclasses.dataclass\nclass Config:\n    scale: float = 1\n"
    + scaled("CONFIG.scale", "CONFIG = Config($)"),
    "a default of a data class": "@dataclasses.dataclass\nclass Config:\n    scale: float = $\n"
    + scaled("Config().scale"),
    "a frozen data class with slots": "@dataclasses.dataclass(frozen=True, slots=True)\n"
    "class Config:\n    scale: float = 1\n" + scaled("CONFIG.scale", "CONFIG = Config($)"),
    "a named tuple": "class Config(typing.NamedTuple):\n    scale: float = 1\n"
    + scaled("CONFIG.scale", "CONFIG = Config($)"),
    "a default of a named tuple": "class Config(typing.NamedTuple):\n    scale: float = $\n"
    + scaled("Config().scale"),
    "a method of a named tuple": "class Config(typing.NamedTuple):\n    x: int = 1\n"
    "    def scale(self):\n        return $\n" + scaled("CONFIG.scale()", "CONFIG = Config()"),
    "a value of an enumeration": "class Kind(enum.Enum):\n    SCALE = $\n"
    + scaled("Kind.SCALE.value"),
    "a method of an enumeration": "class Kind(enum.Enum):\n    SCALE = 1\n"
    "    def by(self):\n        return $\n" + scaled("Kind.SCALE.by()"),
    "an attribute of a member of an enumeration": "class Kind(enum.Enum):\n    SCALE = 1\n"
    "Kind.SCALE.by = $\n" + scaled("Kind.SCALE.by"),
    "an object of the standard library": scaled(
        "SPACE.scale", "import types\nSPACE = types.SimpleNamespace(scale=$)"
    ),
    "what a mapping of one's own gives": "class Own(collections.abc.Mapping):\n"
    "    __len__ = lambda self: 0\n    __iter__ = lambda self: iter(())\n"
    "    __getitem__ = lambda self, name: $\n" + scaled("OWN[0]", "OWN = Own()"),
    "what a counter of one's own holds": "class Own(collections.UserDict):\n    pass\n"
    + scaled("OWN[0]", "OWN = Own({0: $})"),
}

NETWORKS = {
    "the forward": forward("$"),
    "a helper of the forward": forward("helper()", "def helper():\n    return $"),
    "a class attribute of a network": forward("self.scale") + "Net.scale = $\n",
    "a property of a network": forward("self.scale") + "Net.scale = property(lambda self: $)\n",
    "an attribute of a network": network("self.scale = $"),
    "a tensor that is no parameter": network("self.scale = torch.tensor($)"),
    "a buffer": network("self.register_buffer('scale', torch.tensor(float($)))"),
    "another forward": network(after="made.forward = lambda x: $ * Net.forward(made, x)"),
    "a hook": network(after="made.register_forward_hook(lambda m, x, y: $ * y)"),
    "a hook with keywords": network(
        after="made.register_forward_hook(lambda m, x, k, y: $ * y, with_kwargs=True)"
    ),
    "a hook before": network(after="made.register_forward_pre_hook(lambda m, x: ($ * x[0],))"),
    "a hook of a layer": network(after="made.first.register_forward_hook(lambda m, x, y: $ * y)"),
    "which of two hooks comes first": network(
        after="hooks = [lambda m, x, y: 2 * y, lambda m, x, y: y + 1]; "
        "[made.register_forward_hook(h) for h in (hooks if $ > 2 else hooks[::-1])]"
    ),
    "a parametrization": "class Scaled(nn.Module):\n    def forward(self, weight):\n"
    "        return $ * weight\n"
    + network(
        after="nn.utils.parametrize.register_parametrization(made.first, 'weight', Scaled())"
    ),
    "a layer that stands twice": sequential("return nn.Sequential(a, b, *[b][$ - 2:])"),
    "an activation that stands twice": sequential(
        "act = nn.Tanh(); return nn.Sequential(a, act, *[act][$ - 2:], b)"
    ),
    "to which layer another is tied": sequential(
        "c = nn.Linear(3, 3); c.weight = (a if $ > 2 else b).weight; return nn.Sequential(a, b, c)"
    ),
    "the order of layers": sequential(
        "layers = [nn.Tanh(), nn.ReLU()]; return nn.Sequential(a, *layers[:: -1 if $ > 2 else 1])"
    ),
    "an absent layer": sequential("return nn.Sequential(a, nn.Dropout(0.$), b)"),
    "a list of layers": network("self.more = nn.ModuleList([nn.Tanh()] * ($ - 1))"),
    "a teacher": scaled(
        "TEACHER(o).mean()",
        "TEACHER = nn.Linear(3, 1).double()\nfor p in TEACHER.parameters():\n    p.data.fill_($)",
    ),
    "the statistics of a teacher": scaled(
        "TEACHER(o).mean()",
        "TEACHER = nn.BatchNorm1d(3).double().eval()\nTEACHER.running_mean.fill_($)",
    ),
}

TABLE = {**CODE, **MODULES, **CLASSES, **NETWORKS}
