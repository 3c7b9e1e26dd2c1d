"""Which functions and classes of installed modules are pure: their arguments alone decide.

A key identifies what is installed by its name and version. That suffices where a function reads no
file, no setting and nothing of the process. A list of those that do could never be complete, so
this is a list of those that do not; results of code that refers to others are not cached.
"""

import enum
import sys
import types
from typing import Any

import torch
from torch import nn

from landscape_core.foundation.recipes import Recipe, once
from landscape_core.models.object_parts import ASKING

OF_TORCH = {
    *("Tensor", "Size", "Generator", "finfo", "iinfo", "e", "inf", "nan", "pi", "newaxis"),
    *("FloatTensor", "DoubleTensor", "HalfTensor", "BFloat16Tensor", "BoolTensor"),
    *("LongTensor", "IntTensor", "ShortTensor", "ByteTensor", "CharTensor"),
    *("no_grad", "enable_grad", "inference_mode", "set_grad_enabled", "is_grad_enabled"),
    *("autocast", "is_tensor", "get_default_dtype", "manual_seed", "vmap", "cond", "typename"),
    *("device", "dtype", "layout", "memory_format", "lobpcg", "pca_lowrank", "svd_lowrank"),
    *("sym_max", "sym_min", "sym_not", "sym_int", "sym_float", "unravel_index", "from_dlpack"),
    *("broadcast_shapes", "SymInt", "SymFloat", "SymBool", "DisableTorchFunctionSubclass"),
    *torch.functional.__all__,
    *(name for name in dir(torch._C._VariableFunctions) if not name.startswith("__")),
} - {"from_file", "is_vulkan_available", "import_ir_module", "import_ir_module_from_buffer"}
"""What is taken out of torch itself: operations on tensors, and what belongs to these."""

NOT_OF_PYTHON = {
    *("open", "eval", "exec", "compile", "globals", "locals", "__import__", "input", "breakpoint"),
    *("id", "dir", "help", "exit", "quit", "copyright", "credits", "license"),
    *("__loader__", "__spec__"),
}
"""Functions of Python by which code reaches what it does not name."""

NOT_OF_NUMPY = {
    *("load", "loadtxt", "genfromtxt", "fromfile", "fromregex", "memmap", "save", "savez"),
    *("savetxt", "savez_compressed", "geterr", "geterrcall", "seterr", "seterrcall", "errstate"),
    *("getbufsize", "setbufsize", "get_printoptions", "set_printoptions", "printoptions"),
    *("array2string", "array_repr", "array_str", "show_config", "show_runtime", "get_include"),
    *("info", "test"),
}
"""What reads or writes files and settings in NumPy."""

NOTHING: frozenset[str] = frozenset()

PURE_BUT_FOR = {
    "builtins": NOT_OF_PYTHON,
    "numpy": NOT_OF_NUMPY,
    "random": {"SystemRandom"},  # the others are seeded by the evaluation
    "functools": {"lru_cache", "cache"},
    "typing": {"get_type_hints"},
    **dict.fromkeys(
        (
            *("abc", "array", "base64", "binascii", "bisect", "cmath", "collections", "contextlib"),
            *("collections.abc", "copy", "dataclasses", "enum", "fractions", "heapq", "itertools"),
            *("math", "numbers", "operator", "re", "statistics", "string", "struct", "types"),
            *("typing_extensions", "warnings", "zlib", "jaxtyping", "opt_einsum"),
            *("numpy.linalg", "numpy.fft", "numpy.random", "numpy.ma", "numpy.polynomial"),
            *("numpy.typing", "numpy.lib.stride_tricks", "numpy.exceptions"),
            *("torch.functional", "torch.linalg", "torch.fft", "torch.special", "torch.func"),
            *("torch.masked", "torch.nested", "torch.signal", "torch.signal.windows"),
            *("torch.types", "torch.autograd", "torch.autograd.function"),
            *("torch.autograd.functional", "torch.autograd.forward_ad", "torch.autograd.grad_mode"),
        ),
        NOTHING,
    ),
}
"""Modules whose public names are pure, but for some."""

PURE_ALONE = {
    "torch": OF_TORCH,
    "os.path": {"basename", "commonprefix", "dirname", "join", "normpath", "split", "splitext"},
    "pathlib": {"Path", "PurePath", "PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath"},
    "datetime": {"date", "time", "datetime", "timedelta", "timezone"},
    "decimal": {"Decimal"},
    "scipy": set(),
    "xarray": {"Dataset", "DataArray", "Variable", "concat", "merge"},
    "landscape_core.analysis.verdict": {"Criterion"},
    "landscape_core.foundation.entry_points": set(),
    "landscape_core.foundation.kinds": set(),
    "landscape_core.foundation.memory": set(),
    "landscape_core.foundation.one_thread": set(),
    "landscape_core.foundation.outside_parts": set(),
    "landscape_core.foundation.part_files": set(),
    "landscape_core.foundation.reachable_files": set(),
    "landscape_core.foundation.registry": set(),  # it looks parts up by name, of any package
    "landscape_core.models.file_digests": set(),
    "os": {"getenv", "environ"},  # which are told with what they hold
    "json": {"dumps", "loads"},
    "hashlib": {"md5", "sha1", "sha256", "sha512", "blake2b", "blake2s"},
    "scipy.sparse": {"coo_matrix", "csc_matrix", "csr_matrix", "diags", "eye", "kron"},
    "torch.jit": {"annotate", "export", "ignore", "is_scripting", "is_tracing", "script", "unused"},
    "torch.compiler": {"disable", "is_compiling", "is_exporting"},
    "torch.overrides": {"has_torch_function", "handle_torch_function"},
    "torch.profiler": {"record_function"},
    "torch.utils.checkpoint": {"checkpoint", "checkpoint_sequential"},
}
"""Modules of which these names alone are pure."""

PURE_FAMILIES = (
    *("scipy.constants", "scipy.fft", "scipy.integrate", "scipy.interpolate", "scipy.linalg"),
    *("scipy.ndimage", "scipy.optimize", "scipy.signal", "scipy.spatial", "scipy.special"),
    "scipy.stats",
    *("torch.nn", "torch.distributions", "torch.optim", "einops", "torchvision.ops", "timm.layers"),
    *("torch.amp", "torch.autograd.grad_mode", "torch.utils._contextlib", "torch._functorch"),
    *("landscape_core.foundation", "landscape_core.models", "landscape_core.training"),
    *("landscape_core.planes", "landscape_core.curvature"),
    "landscape_core.experiments.lab_pictures",
)
"""Packages that are pure with all that lies in them."""

MODULES = (*PURE_BUT_FOR, *PURE_ALONE, *PURE_FAMILIES, "torch.nn.functional", "torch.nn.init")
"""Where functions and classes are looked for that say of themselves to be from elsewhere."""

ALIASES = {"posixpath": "os.path", "ntpath": "os.path"}

CLASSES: tuple[type, ...] = (nn.Module, Recipe, BaseException, enum.Enum, torch.Tensor)
"""Whatever is a subclass of these is identified by its name: its contents are added separately."""


def is_pure_name(module: str, name: str) -> bool:
    """Whether an installed module gives what is pure under a name."""
    module = ALIASES.get(module, module)
    if module in PURE_ALONE:
        return name in PURE_ALONE[module]
    if _is_in_family(module):
        return True
    if name.startswith("_") and module != "builtins":  # what a module takes for itself
        return False
    return module in PURE_BUT_FOR and name not in PURE_BUT_FOR[module]


def is_pure_module(module: str) -> bool:
    """Whether all or some of an installed module is pure."""
    module = ALIASES.get(module, module)
    return module in PURE_BUT_FOR or module in PURE_ALONE or _is_in_family(module)


def is_pure(thing: Any) -> bool:
    """Whether an installed function or class is pure: its name in a module of these leads to it."""
    if isinstance(thing, type):
        home = thing.__module__
        if issubclass(thing, CLASSES) or home == "builtins" or _is_of_torch(thing):
            return True
    home, (name, *inner) = str(thing.__module__), thing.__qualname__.split(".")
    found = sys.modules.get(home)
    owner = vars(found).get(name) if found is not None and inner else None
    if isinstance(owner, type):  # a method is as its class is
        return inner[-1] not in ASKING.get(owner, ()) and is_pure(owner)
    if found is not None and not inner and is_pure_name(home, name.lstrip("_") or name):
        return True
    return any(_leads(module, str(thing.__name__), thing) for module in MODULES)


def is_pure_builtin(function: types.BuiltinFunctionType) -> bool:
    """Whether a function in C is pure; a method is as its object is."""
    held = function.__self__
    if held is None or isinstance(held, types.ModuleType) or held is torch._C._VariableFunctions:
        return is_pure(function)
    return not isinstance(held, type) or function.__name__ not in ASKING.get(held, ())


def _leads(module: str, name: str, thing: Any) -> bool:
    found = sys.modules.get(module)
    return found is not None and vars(found).get(name) is thing and is_pure_name(module, name)


def _is_of_torch(kind: type) -> bool:
    """Whether a class is that of tensors in C, or of a function's gradient."""
    return issubclass(kind, torch.autograd.Function) or kind in torch.Tensor.__mro__


@once
def _is_in_family(module: str) -> bool:
    return any(f"{module}.".startswith(f"{one}.") for one in PURE_FAMILIES)
