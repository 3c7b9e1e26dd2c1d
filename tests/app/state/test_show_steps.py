"""The steps of a "Show me": only known verbs, only values that a control accepts."""

import pytest

from landscape_core.foundation.errors import FileFormatError, SpecError
from landscape_lab.content.tour import tour
from landscape_lab.state.scene import Scene
from landscape_lab.state.show_steps import ShowStep, show_steps

BATCH = {"run.batch_size": 16}


def test_steps_say_what_they_do_and_where():
    given = ["reset", "keep", {"set": BATCH}, {"train": 40}, {"view": "3d"}, {"compare": "own"}]
    steps = show_steps(given, Scene())
    assert [step.verb for step in steps] == ["reset", "keep", "set", "train", "view", "compare"]
    assert steps[2] == ShowStep("set", "run.batch_size", 16, "Set batch size to 16")
    assert steps[2].plain() == {"path": "run.batch_size", "action": "", "words": steps[2].words}
    actions = [step.plain()["action"] for step in steps]
    assert actions == ["reset", "keep", "", "play", "view-3d", "view-compare"]


def test_a_later_step_is_checked_with_what_the_earlier_ones_set():
    beta = {"run.optimizer.momentum": 0.5}
    assert len(show_steps([{"set": {"run.optimizer": "heavy_ball"}}, {"set": beta}], Scene())) == 2
    with pytest.raises(SpecError, match="one path"):
        show_steps([{"set": {"run.optimizer": "adam"}}, {"set": beta}], Scene())


@pytest.mark.parametrize(
    "given",
    [
        None, [], "keep", {"keep": 1}, [None], ["forget"], [["keep"]], [{"open": "x"}],
        [{"keep": 1, "reset": 2}], [{"set": None}], [{"set": {**BATCH, "run.seed": 1}}],
        [{"set": {"run.nothing": 1}}], [{"set": {"run.batch_size": -1}}],
        [{"set": {"run.batch_size": [1]}}], [{"set": {"run.optimizer": "nobody"}}],
        [{"train": 0}], [{"train": True}], [{"train": 10**9}], [{"view": "compare"}],
        [{"compare": "x"}], ["keep"] * 13,
    ],
)  # fmt: skip
def test_everything_else_is_refused(given):
    with pytest.raises(SpecError):
        show_steps(given, Scene())


def test_a_file_of_the_server_cannot_be_set():
    scene = Scene()
    path = "run.problem.dataset"
    steps = [{"set": {path: "mnist"}}, {"set": {f"{path}.folder": "/etc"}}]
    with pytest.raises(SpecError, match="one path"):
        show_steps(steps, scene)


TOUR = """---
title: A tour
---

## A step

Look.

{place}
```show
{show}
```
"""
PLACE = "```place\npreset: spirals\n```\n"


def test_a_step_of_a_tour_has_a_show_me():
    read = tour("t", TOUR.format(place=PLACE, show="- keep\n- set: {run.batch_size: 8}"))
    assert [step.verb for step in read.steps[0].show] == ["keep", "set"]


@pytest.mark.parametrize(
    ("place", "show", "said"),
    [
        ("", "- keep", "needs a block `place`"),
        ("```place\nlab: games\n```\n", "- keep", "needs a block `place`"),
        (PLACE, "- forget", "keep"),
        (PLACE, "- &a keep\n- *a", "without anchors"),
        (PLACE, "- [", "YAML"),
        (PLACE, "[" * 3000, "YAML"),
    ],
)
def test_an_error_in_a_show_me_names_its_line(place, show, said):
    with pytest.raises(FileFormatError, match=r"^line \d+: ") as refused:
        tour("t", TOUR.format(place=place, show=show))
    assert said in str(refused.value)
