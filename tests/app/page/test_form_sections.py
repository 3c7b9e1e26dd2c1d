"""The form: which choices there are for what is shown."""

import subprocess
import sys

from landscape_core.foundation.registry import entries
from landscape_core.models.measures.base import Measure
from landscape_lab.page.form_sections import sections
from landscape_lab.state.form_model import assign
from landscape_lab.state.scene import COLORS, Scene

NEW = '''
from dataclasses import dataclass

from landscape_core.models.measures.base import Answers, OutputMeasure


@dataclass(frozen=True, kw_only=True)
class Confidence(OutputMeasure):
    """The mean of the largest output."""

    def read(self, outputs, answers):
        return outputs.max(dim=-1).values.mean(dim=-1)
'''


def offered(scene, drawable=None):
    fields = {
        row["path"]: row for part in sections(scene, scene, drawable) for row in part["fields"]
    }
    return [option["value"] for option in fields["display.color"]["options"]]


def test_every_usual_measure_of_one_value_can_be_drawn_and_the_loss_comes_first():
    known = entries(Measure)
    usual = {name for name in known if known[name].usual and not known[name].dimension}
    assert COLORS[0] == "loss"
    assert set(COLORS) == usual
    assert offered(Scene()) == list(COLORS)


def test_a_measure_that_the_slice_does_not_have_is_not_offered_unless_it_is_chosen():
    assert offered(Scene(), {"loss", "computed"}) == ["loss"]
    chosen = assign(Scene(), "display.color", "accuracy")
    assert offered(chosen, {"loss", "computed"}) == ["loss", "accuracy"]


def test_a_new_measure_is_offered_because_its_file_is_there(tmp_path):
    (tmp_path / "confidence.py").write_text(NEW, encoding="utf-8")
    code = f"""
import landscape_core.models.measures as package
package.__path__.append({str(tmp_path)!r})
from landscape_core.session.session import Session
from landscape_lab.page.form_sections import sections
from landscape_lab.state.form_model import assign
from landscape_lab.state.scene import Scene
scene = assign(Scene(), "display.color", "confidence")
shown = Session(scene.run, scene.computed_slice.replace(resolution=11)).picture().slice
found = sections(scene, Scene(), list(shown.data_vars))
rows = {{row["path"]: row for part in found for row in part["fields"]}}
print(*sorted(option["value"] for option in rows["display.color"]["options"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == ["accuracy", "confidence", "loss"]


def test_the_form_does_not_offer_a_line_which_no_page_shows():
    paths = {field["path"] for one in sections(Scene(), Scene()) for field in one["fields"]}
    assert "slice.dimensions" not in paths
    assert {"slice.extent", "slice.measures", "slice.split", "slice.span"} <= paths
