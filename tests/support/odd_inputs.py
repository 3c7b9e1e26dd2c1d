"""Odd command lines, links and tours, of which each must end in a sentence or a right result."""

from itertools import product

NETWORK = "run.problem.architecture"
BIG = ("4096", "100")

_NUMBERS = (*("nan", "inf", "-inf", "1e400", "-1", "", "0x10", "1,5", "١"), "9" * 400)
_TEXTS = ("", "\x1b[31mred", "a\0b", "\udcff", "../../etc/passwd", "%s%n", "x" * 5000, "-")

COMMANDS: list[list[str]] = [
    [],
    ["--help-me"],
    ["nothing"],
    ["train", "nothing"],
    ["\x1b]0;title\x07"],
    ["train", "--steps"],
    *(["train", "--steps", one] for one in _NUMBERS),
    *(["train", "--learning-rate", one] for one in _NUMBERS),
    *(["train", "--seed", one] for one in ("-1", "2.5", "9" * 30)),
    *(["train", "--batch-size", one] for one in ("0", "1000000", "99999")),
    *(["train", "--dataset", one] for one in _TEXTS),
    *(["train", "--optimizer", one] for one in _TEXTS[:4]),
    *(["train", "--set", one] for one in ("", "=", "a", "a=b", "=b", "problem=", "run=1")),
    *(["train", "--set", one] for one in ("seed=1=2", "problem.architecture.a.b.c=1")),
    ["train", "--set", f"{NETWORK}.width=4096", "--set", f"{NETWORK}.depth=100"],
    ["train", "--set", f"{NETWORK}.width=4096", "--set", f"{NETWORK}.depth=20"],
    ["train", "--architecture", "transformer", "--set", f"{NETWORK}.width=1024",
     "--set", f"{NETWORK}.depth=24", "--set", "memory_mb=1000000"],
    ["train", "--set", "memory_mb=1000000", "--set", "checkpoints=100000",
     "--set", f"{NETWORK}.width=2000"],
    ["train", "--dataset", "mnist", "--set", "problem.dataset.folder=/dev"],
    ["train", "--dataset", "mnist", "--set", "problem.dataset.folder=pipe"],
    ["train", "--dataset", "cifar10"],
    ["train", "--dataset", "linear_teacher", "--loss", "squared_error", "--set",
     "dataset.points=100000", "--set", "dataset.dimension=1000", "--set", "dataset.targets=1000"],
    *(["train", "-o", one] for one in (
        "", ".", "/", "/dev/null", "/dev/zero", "/dev/stdout", "pipe", "link", "folder",
        "none/run.nc", "file/run.nc", "x" * 300, "x" * 250, "a\0b", "/proc/1/run.nc", "/sys/run.nc",
    )),
    *(["train", "--parts", one] for one in ("none.py", "bad.py", "folder", "exit.py", "pipe", "")),
    *(["slice", one] for one in ("none.nc", "folder", "pipe", "/dev/zero", "/dev/null", "text.nc")),
    *(["slice", one] for one in ("", "a\0b", "x" * 5000, "other.nc", "\x1b[2J.nc")),
    *(["slice", "run.nc", "--resolution", one] for one in ("1", "502", "-5", "nan", "51.5")),
    *(["slice", "run.nc", "--extent", one] for one in ("1", "1,0", "nan,1", "0,1,2", "a,b")),
    *(["slice", "run.nc", "--directions", one] for one in ("none", "given", "between")),
    *(["slice", "run.nc", "--directions", "given", "--set", f"directions.file={one}"]
      for one in ("none.npy", "/etc/passwd", "pipe", "/dev/zero", "lies.npy", "a\0b.npy")),
    ["slice", "run.nc", "--step", "9" * 30],
    ["slice", "run.nc", "--step", "-7"],
    ["slice", "run.nc", "--workers", "100000"],
    ["slice", "run.nc", "--workers", "-1"],
    ["slice", "run.nc", "--measures", "loss," * 1000],
    ["slice", "run.nc", "other.nc"],
    ["slice", "run.nc", "--scheduler", "nonsense"],
    *(["plot", one] for one in ("none.nc", "text.nc", "folder", "pipe", "other.nc")),
    *(["plot", "run.nc", "-o", one] for one in ("a.exe", "a", "", ".png", "link.png")),
    ["plot", "run.nc", "--cmap", "none"],
    ["plot", "run.nc", "--limits", "nan", "nan"],
    ["plot", "run.nc", "--kind", "none"],
    ["plot", "run.nc", "--variable", "\x1b[31m"],
    *([command, "none.nc"] for command in
      ("curvature", "connect", "convexity", "planes", "diagnose", "metrics", "explain")),
    *([command, "other.nc"] for command in
      ("curvature", "connect", "convexity", "planes", "diagnose", "metrics", "explain")),
    *([command, "--model", one, "--data", "bad.py:x", "--loss", "mse_loss"]
      for command in ("slice", "curvature", "connect", "convexity", "planes")
      for one in ("bad.py:x", "exit.py:x", "pipe:x", "a\0b:x", "bad.py:", ":")),
    *(["connect", "folder", one, "--model", "bad.py:x", "--data", "bad.py:x", "--loss", "mse_loss"]
      for one in ("pipe", "none.pth", "\x1b[31m")),
    *(["picture", one] for one in ("preset=none", "\x1b[31m=1", "run.seed=x", "kept=" * 2000)),
    ["picture", f"{NETWORK}.width=4096&{NETWORK}.depth=20"],
    ["picture", "", "--threads", "1000000000"],
    ["picture", "", "--threads", "0"],
    ["picture", "", "-o", "a.exe"],
    ["picture", "", "--strategy", "none"],
    ["list", "nothing"],
    ["list", "--pictures", "pipe"],
    ["cache"],
    ["cache", "nothing"],
    ["cache", "prune", "--limit-mb", "-1"],
    ["cache", "prune", "--older-than", "nan"],
    ["cache", "list"],
    ["cache", "verify"],
    *(["site", "-o", one] for one in (
        "", ".", "/", "/dev/null", "pipe", "link", "file", "none/site", "a\0b", "x" * 300,
    )),
    *(["site", "-o", "site", "--presets", one] for one in ("none", "", "spirals,,", "\x1b[31m")),
    *(["site", "-o", "site", "--live", one] for one in ("x", "javascript:1", "http://", "https://[")),
    ["site", "-o", "site", "--base-url", "https://a b"],
    ["site"],
    ["paths"],
    ["list"],
]  # fmt: skip
"""Words after `landscape`, in a folder made by `odd_folder`."""


def odd_folder(folder, train):
    """Fill a folder with what the commands name; `train` writes a small run."""
    import os

    train(str(folder / "run.nc"))
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "file").write_text("text")
    (folder / "text.nc").write_text("\x1b[31mtext")
    (folder / "link").symlink_to("nothing")
    (folder / "link.png").symlink_to("/dev/null")
    (folder / "bad.py").write_text("raise ValueError('\x1b[31m')")
    (folder / "exit.py").write_text("raise SystemExit(3)")
    import numpy as np
    import xarray as xr

    from hostile_files import ARRAYS
    from landscape_core.storage import netcdf

    ARRAYS["60,000 squared"](folder / "lies.npy")
    netcdf.save(
        xr.Dataset({"a": ("x", np.arange(3.0))}, {"title": "\x1b[31m"}), folder / "other.nc"
    )


_SETTINGS = (
    "slice.extent", "slice.measures", "display.limits", "slice.directions", f"{NETWORK}",
    "run.optimizer", "display.side_panel", "run.problem",
)  # fmt: skip

LINKS: list[str] = [
    "", "#", "?", "&" * 10**5, "=" * 1000, "%", "%00=%00", "\0", "preset=", "preset=none",
    "preset=spirals&preset=none", "step=-1", "step=1e9", "step=" + "9" * 40, "step=x", "seen=x",
    "strategy=none", "from=", "from=preset%3Dspirals", "alpha=1", "kept=none", "at.=1", "at.1=1",
    "from=preset%3Dspirals&alpha=nan&beta=0", "from=preset%3Dspirals&alpha=1e999&beta=0",
    "at.x.run.seed=1", "at.5.run.batch_size=7&at.4.run.batch_size=8", "at.5.run.seed=1",
    "at.5.run.optimizer=adam", "view.span=1", "run=1", "run.=1", ".=1", "run..seed=1",
    "run.seed.x=1", "run.device=cuda", "run.device=tpu", "x" * 200_000, "run.seed=" + "1" * 10**5,
    "&".join(f"at.{n}.run.batch_size={1 + n % 60}" for n in range(12_000)),
    "&".join(f"at.{n}.run.batch_size={1 + n % 60}" for n in range(1500)),
    "&".join(f"at.{n}.run.optimizer.learning_rate={0.01 + n / 1e6}" for n in range(1500)),
    "&".join(f"run.problem={('valley', 'supervised')[n % 2]}" for n in range(1500)),
    "kept=" + "kept%3D" * 3000, "from=" * 5000, "&".join(["kept=preset%3Dspirals"] * 4),
    f"{NETWORK}.width=4096&{NETWORK}.depth=20", f"{NETWORK}.width=4096&{NETWORK}.depth=100",
    f"{NETWORK}=deep_linear&{NETWORK}.width=4096&{NETWORK}.depth=200",
    f"{NETWORK}=transformer&{NETWORK}.width=1024&{NETWORK}.depth=24&run.problem.dataset=digits",
    "run.memory_mb=1000000&run.checkpoints=100000&" + f"{NETWORK}.width=2000",
    "run.problem=quadratic_game&run.problem.size=50&run.problem.samples=10000&run.memory_mb=1",
    "slice.directions=given&slice.directions.file=/etc/passwd",
    "slice.directions=given&slice.directions.file=/no/such/file",
    "slice.directions=between&slice.directions.first=/etc/shadow",
    "run.problem.dataset=mnist&run.problem.dataset.folder=/etc",
    *(f"{path}={text}" for path, text in product(_SETTINGS, ("%1b[31m", "x" * 5000))),
]  # fmt: skip
"""Links after `#`."""

HEAD = "---\ntitle: Odd\n---\n"
STEP = "## A step\n\ntext\n"


def _head(line):
    return f"---\ntitle: Odd\n{line}\n---\n{STEP}"


def _place(*lines):
    return HEAD + STEP + "\n```place\n" + "\n".join(lines) + "\n```\n"


_TOURS: dict[str, str | bytes] = {
    "good": HEAD + STEP,
    "empty": "",
    "no_head": STEP,
    "open_head": "---\ntitle: Odd\n",
    "no_title": "---\nlevel: beginner\n---\n" + STEP,
    "no_steps": HEAD,
    "text_first": HEAD + "text",
    "quoted_key": _head('"key": 1'),
    "single_quoted": _head("'key': 1"),
    "number_key": _head("1: 1"),
    "null_key": _head("null: 1"),
    "list_key": _head("? [a, b]\n: 1"),
    "date_key": _head("2020-01-01: 1"),
    "quoted_minutes": _head('"minutes": x'),
    "bad_level": _head("level: hard"),
    "list_level": _head("level: [a]"),
    "map_title": "---\ntitle: {a: b}\n---\n" + STEP,
    "bad_date": _head("summary: 2020-13-45"),
    "true_minutes": _head("minutes: true"),
    "huge_minutes": _head("minutes: " + "9" * 5000),
    "negative_minutes": _head("minutes: -3"),
    "long_summary": _head("summary: " + "x" * 5000),
    "tab": _head("\tlevel: beginner"),
    "python_tag": _head("summary: !!python/object/apply:os.system [ls]"),
    "laughs": _head("summary: &a [x]\nlevel: *a"),
    "deep": _head("summary: " + "[" * 3000),
    "two_titles": _head("title: again"),
    "latin": b"---\ntitle: \xe9\n---\n",
    "null": HEAD + "\0" + STEP,
    "binary": bytes(range(256)) * 20,
    "bom": b"\xef\xbb\xbf" + (HEAD + STEP).encode(),
    "escape": _head("\x1b[31m: 1"),
    "html": HEAD + STEP + "<script>alert(1)</script>",
    "script_link": HEAD + STEP + "[a](javascript:alert(1))",
    "many_steps": HEAD + STEP * 1000,
    "nested": HEAD + STEP + ">" * 20_000 + " text",
    "brackets": HEAD + STEP + "[" * 50_000,
    "stars": HEAD + STEP + "*a_ " * 20_000,
    "ticks": HEAD + STEP + "`" * 30_000,
    "large": HEAD + STEP + "text\n" * 400_000,
    "empty_place": _place(),
    "no_value": _place("run.seed"),
    "unknown": _place("no.such: 1"),
    "second_wrong": _place("run.seed: 1", "run.seed: x"),
    "many_settings": _place(*["run.seed: 1"] * 5000),
    "long_line": _place("run.seed: " + "1" * 10**5),
    "two_places": _place("run.seed: 1") + "\n```place\nrun.seed: 2\n```\n",
    "big": _place(f"{NETWORK}.width: 4096", f"{NETWORK}.depth: 20"),
    "changes": _place("#" + "&".join(f"at.{n}.run.batch_size={1 + n % 60}" for n in range(1500))),
}

TOURS = {name: text if isinstance(text, bytes) else text.encode() for name, text in _TOURS.items()}
"""The bytes of files of tours by their names."""
