"""What papers claim about single parts, optimizers above all, tried at a size for two cores.

    python benchmarks/reproduce_parts.py [NAME ...] [--seeds 3] [--processes 2]

Each file of `benchmarks/parts/` is a claim, or several that share their runs. Prints tables and
writes them to `benchmarks/results/parts.md`; with names, tries only those and writes nothing.
Criteria were set before the runs; a claim that does not hold is reported so, with the numbers. What
a lab tries (docs/labs.md) does not stand here.
"""

import argparse
import importlib
import pkgutil
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import torch
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent))

import parts
from reproduce import told

RESULTS = Path(__file__).parent / "results" / "parts.md"
SEEDS = 3

HEAD = """# Claims about parts, tried here

{seeds} seeds each; a seed draws data, start and batches. {cores} processors, {processes} processes
of one thread; torch {torch}; {minutes:.1f} minutes on a machine that others used as well. By
`benchmarks/reproduce_parts.py`. PASS: the criterion holds on every seed. PARTIAL: on all but one.
NOT REPRODUCED: on fewer."""


def claims():
    """The modules of the claims by name."""
    names = sorted(info.name for info in pkgutil.iter_modules(parts.__path__))
    public = [name for name in names if not name.startswith("_")]
    return {name: importlib.import_module(f"parts.{name}") for name in public}


def computed(chosen, seeds, processes):
    """What each claim's work found, by seed."""
    spawned = get_context("spawn")
    with ProcessPoolExecutor(processes, spawned, torch.set_num_threads, (1,)) as pool:
        asked = {
            name: [pool.submit(module.work, seed) for seed in range(seeds)]
            for name, module in chosen.items()
        }
        whose = {future: name for name, each in asked.items() for future in each}
        done = tqdm(as_completed(whose), total=len(whose), desc="claims and seeds")
        for future in done:
            done.set_postfix_str(f"{whose[future]} done")
        return {name: [future.result() for future in each] for name, each in asked.items()}


def main():
    known = claims()
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("names", nargs="*", choices=[[], *known], metavar="NAME")
    options.add_argument("--seeds", type=int, default=SEEDS)
    options.add_argument("--processes", type=int, default=2)
    asked, began = options.parse_args(), time.perf_counter()
    chosen = {name: known[name] for name in asked.names or known}
    found = computed(chosen, asked.seeds, asked.processes)
    minutes = (time.perf_counter() - began) / 60
    reports = {name: module.report for name, module in chosen.items()}
    text = told(found, reports, HEAD, asked.processes, minutes)
    print(text)
    if not asked.names:
        RESULTS.write_text(text)


if __name__ == "__main__":
    main()
