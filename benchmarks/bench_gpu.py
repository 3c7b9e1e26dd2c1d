"""What a graphics card computes, compared with the processor, and how fast.

    python benchmarks/bench_gpu.py [--parts 1 2 3] [--section NAME] [--results FILE]

`benchmarks/gpu.sh` runs the sections one by one under time limits. Without CUDA they run on the
processor in tiny sizes, to try the checks themselves; then the times mean nothing. A wrong number
ends the program with 1. Nothing newer than torch 2.11 is needed.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from on_card.machine import Machine, Wrong
from on_card.right import freed_memory, hostile_modules, strategies, tf32
from on_card.slices import residual_net, residual_net_whole, tiny_mlp, trial
from on_card.work import curvature, live_pictures, training

PARTS = {
    1: (strategies, freed_memory, hostile_modules, tf32),
    2: (trial, tiny_mlp, residual_net, residual_net_whole),
    3: (curvature, training, live_pictures),
}


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--parts", type=int, nargs="+", choices=PARTS, default=list(PARTS))
    options.add_argument("--section", help="this one alone")
    options.add_argument("--results", type=Path, help="a file to which tables are added")
    chosen = options.parse_args()
    every = [section for part in chosen.parts for section in PARTS[part]]
    asked = [one for one in every if chosen.section in (None, one.__name__)]
    if not asked:
        options.error(f"no such section: {chosen.section}")
    machine, wrong = Machine.here(), 0
    for section in asked:
        try:
            text = section(machine)
        except Wrong as error:
            text, wrong = f"**Wrong: {error}**", 1
        text = f"## {section.__name__.replace('_', ' ').capitalize()}\n\n{text}\n\n{machine}\n"
        print(text, flush=True)
        if chosen.results:
            with chosen.results.open("a") as file:
                file.write(text + "\n")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
