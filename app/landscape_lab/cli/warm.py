"""Compute the slices of all presets in advance, so that they open at once."""

import argparse
from collections import deque
from itertools import chain


def options(parser: argparse.ArgumentParser) -> None:
    """The command has no options."""


def run(_: argparse.Namespace) -> None:
    """Fill the user's cache."""
    from tqdm import tqdm

    from landscape_core.foundation.recipes import name_of
    from landscape_core.session.session import Session
    from landscape_lab.state.preset import presets
    from landscape_lab.state.user_store import user_store

    kept = user_store()
    for preset in tqdm(presets().values(), desc="presets", delay=1, leave=False):
        session = Session(preset.scene.run, preset.scene.computed_slice, kept)
        panel = preset.scene.display.side_panel
        study = session.study(name_of(type(panel)), panel.study)
        deque(chain(session.travel(preset.steps), session.refine(), study), maxlen=0)
