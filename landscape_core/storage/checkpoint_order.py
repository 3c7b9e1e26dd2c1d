"""The order in which the checkpoints of a folder were saved, as far as their names say it."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from landscape_core.foundation.errors import SpecError

NUMBER = re.compile(r"\d+(?:\.\d+)?")
"""A number in the name of a file."""

LABELS = tuple(
    re.compile(rf"(?<![a-z])(?:{words})s?[-_= ]?(\d+)(?![\d.]*\d|e[-+]?\d)", re.IGNORECASE)
    for words in ("epoch|ep", "global[-_]?step|step|iteration|iter|it|update")
)
"""How the name of a file says an epoch, and how a step."""

STEP = LABELS[1]

FOLDER = re.compile(r"checkpoint-(\d+)")
"""How transformers names the folder of a checkpoint."""

RUNS = re.compile(
    r"(?<![a-z])((?:fold|cv|split|seed|run|trial|exp|experiment|repeat|rep|member|replica|client"
    r"|rank|gpu|device|worker|node|process|shard|part|chunk|lr|wd|bs|width|depth|hidden|dropout)"
    r"s?[-_= ]?)(\d+(?:\.\d+)?(?:e-?\d+)?)",
    re.IGNORECASE,
)
"""How the name of a file says which run, or which part of a network, it is of."""

PART = re.compile(r"\d+[-_]of[-_]\d+", re.IGNORECASE)
"""How the name of a file says that it is one of several that make up a checkpoint."""

MEASURED = re.compile(
    r"(?<![a-z])(acc\w*|loss|err\w*|f|auc|m?iou|m?ap|psnr|ssim|bleu|score|top|ppl|reward|fid|dice|wer|best"
    r"|val\w*|test|train|metric)[-_= ]*$",
    re.IGNORECASE,
)
"""What stands before a number that was measured and says no order."""

REMEDY = "; give the files as a list, the latest last, or a pattern such as 'epoch_*.pt'"


SHOWN = 6
"""Runs that an error names, at most."""


def in_order(files: Sequence[Path], endings: Sequence[str]) -> tuple[Path, ...]:
    """Files by the epoch and then the step in their names, or else by the one number that differs.

    Raises:
        SpecError: the names differ in more than numbers, or their numbers say no order.
    """
    if len(files) < 2:
        return tuple(files)
    stems = {file: _stem(file.name, endings) for file in files}
    texts = {NUMBER.sub("#", stem): file.name for file, stem in stems.items()}
    if len(texts) > 1:
        first, second = list(texts.values())[:2]
        raise _unknown(f"{first} and {second} differ in more than a number", files)
    _check_one_run(stems)
    keys = _keys(stems)
    ordered = sorted(files, key=keys.__getitem__)
    for one, other in pairwise(ordered):
        if keys[one] == keys[other]:
            raise _unknown(f"{one.name} and {other.name} have the same place", files)
    return tuple(ordered)


def named_steps(files: Sequence[Path]) -> tuple[int, ...] | None:
    """The numbers of steps that the names of files in order, or of their folders, say.

    None where one says none, or they do not rise. The folders of transformers, `checkpoint-500`,
    are named after the step.
    """
    found = []
    for file in files:
        named = STEP.search(file.stem) or STEP.search(file.parent.name)
        named = named or FOLDER.fullmatch(file.parent.name)
        if named is None:
            return None
        found.append(int(named[1]))
    return tuple(found) if all(one < other for one, other in pairwise(found)) else None


def _keys(stems: dict[Path, str]) -> dict[Path, tuple[float, ...]]:
    """What files are sorted by.

    Raises:
        SpecError: several numbers differ, and by each the order is another one.
    """
    labelled = [label for label in LABELS if all(label.search(stem) for stem in stems.values())]
    if labelled:
        keys = {
            file: tuple(_labelled(stem, one) for one in labelled) for file, stem in stems.items()
        }
        _check_others(keys, stems, labelled)
        return keys
    found = {file: NUMBER.findall(stem) for file, stem in stems.items()}
    numbers = {file: tuple(map(float, texts)) for file, texts in found.items()}
    columns = zip(*numbers.values(), strict=True)
    differing = [index for index, column in enumerate(columns) if len(set(column)) > 1]
    files = sorted(numbers, key=numbers.__getitem__)
    orders = {tuple(sorted(files, key=lambda file: numbers[file][at])) for at in differing}
    if len(orders) > 1:
        names = " and ".join(file.name for file in files[:2])
        raise _unknown(f"several numbers differ in {names}, and none is said to be the step", files)
    parts = {file: [tuple(map(int, one.split("."))) for one in found[file]] for file in files}
    for one, other in pairwise(files):
        if numbers[one] != numbers[other] and parts[one] > parts[other]:
            why = f"{one.name} and {other.name} may have fractions, or two numbers with a point"
            raise _unknown(why, files)
    return {file: numbers[file] for file in files}


def _check_one_run(stems: dict[Path, str]) -> None:
    """Refuse files whose names say several runs, or several parts of one checkpoint.

    Raises:
        SpecError: names the runs and how many files each has.
    """
    files = list(stems)
    if any(PART.search(stem) for stem in stems.values()):
        raise _unknown(f"{files[0].name} is a part of a checkpoint; give its index", files)
    found = Counter(
        " ".join(word + number for word, number in RUNS.findall(stem)) for stem in stems.values()
    )
    if len(found) > 1:
        told = [f"{run} ({count})" for run, count in list(found.items())[:SHOWN]]
        rest = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        why = f"the names are those of several, {', '.join(told)}{rest}"
        accepted = f"a folder of the checkpoints of one run: {why}; give a pattern for each, "
        accepted += "path={NAME: PATTERN, ...}, or, if they are one run, the files as a list"
        raise SpecError("path", str(files[0].parent), accepted)


def _check_others(
    keys: dict[Path, tuple[float, ...]], stems: dict[Path, str], labels: Sequence[re.Pattern[str]]
) -> None:
    """Refuse names of which another whole number falls while the epoch or the step rises.

    Raises:
        SpecError: names two files.
    """
    others = {}
    for file, stem in stems.items():
        starts = {match.start(1) for label in labels if (match := label.search(stem))}
        others[file] = [
            (match[0], stem[: match.start()])
            for match in NUMBER.finditer(stem)
            if match.start() not in starts
        ]
    columns = zip(*others.values(), strict=True)
    counted = [
        at
        for at, column in enumerate(columns)
        if all(text.isdigit() and not MEASURED.search(before) for text, before in column)
    ]
    ordered = sorted(keys, key=keys.__getitem__)
    for one, other in pairwise(ordered):
        first, second = ([int(others[file][at][0]) for at in counted] for file in (one, other))
        if first > second:
            why = f"a number besides the epoch or the step falls from {one.name} to {other.name}"
            raise _unknown(why, list(stems))


def _labelled(stem: str, label: re.Pattern[str]) -> float:
    found = label.search(stem)
    return float(found[1]) if found else 0.0


def _stem(name: str, endings: Sequence[str]) -> str:
    """The name of a file without its ending."""
    ending = max((one for one in endings if name.lower().endswith(one)), key=len, default="")
    return name[: len(name) - len(ending)]


def _unknown(why: str, files: Sequence[Path]) -> SpecError:
    accepted = f"a folder of checkpoints whose names say their order: {why}{REMEDY}"
    return SpecError("path", str(files[0].parent), accepted)
