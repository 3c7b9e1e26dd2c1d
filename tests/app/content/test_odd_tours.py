"""Whatever a file holds, the other tours are there, and it says what is wrong with it."""

import time

import pytest

from landscape_lab.content.tour import tours
from landscape_lab.state.preset import PRESETS, read_presets
from odd_inputs import TOURS

GOOD = {"good", "bom", "html", "script_link", "nested", "brackets", "stars", "ticks", "changes"}
GOOD |= {"two_titles", "big"}
MOST_SECONDS = 2.0


@pytest.mark.parametrize("name", TOURS)
def test_a_file_is_a_tour_or_says_what_is_wrong_with_it(name, tmp_path):
    (tmp_path / "other.md").write_bytes(TOURS["good"])
    (tmp_path / f"{name}_.md").write_bytes(TOURS[name])
    began = time.process_time()
    found = tours(tmp_path)
    assert time.process_time() - began < MOST_SECONDS
    assert found["other"].steps
    tour = found[f"{name}_"]
    assert bool(tour.error) != (name in GOOD), tour.error
    if tour.error:
        assert tour.error.startswith(f"{name}_.md")
        assert len(tour.error) < 600
        assert "\x1b" not in tour.error
    else:
        html = "".join(step.html for step in tour.steps)
        assert "<script" not in html
        assert "javascript:" not in html.replace("[a](javascript:alert(1))", "")


def test_an_error_names_the_key_and_its_line_though_it_is_quoted(tmp_path):
    (tmp_path / "a.md").write_bytes(TOURS["quoted_key"])
    assert tours(tmp_path)["a"].error == (
        "a.md, line 3: accepted are title, summary, level, minutes; got 'key'."
    )


def test_the_line_of_a_setting_that_is_refused_is_named(tmp_path):
    (tmp_path / "a.md").write_bytes(TOURS["second_wrong"])
    assert tours(tmp_path)["a"].error.startswith("a.md, line 10: seed must be a whole number")


def test_pipes_and_links_to_nothing_are_said_to_be_no_tours(tmp_path):
    (tmp_path / "a.md").symlink_to("nothing")
    (tmp_path / "b.md").mkdir()
    found = tours(tmp_path)
    assert "no such file" in found["a"].error
    assert "is a folder" in found["b"].error


@pytest.mark.parametrize(
    "content", ["", "rank: 1", "rank: x\nscene: {}", "[1]", "rank: 1\nscene: {a: 1}", "{"]
)
def test_a_preset_that_cannot_be_read_is_left_out_with_a_sentence(content, tmp_path):
    (tmp_path / "good.yaml").write_bytes((PRESETS / "spirals.yaml").read_bytes())
    (tmp_path / "broken.yaml").write_text(content)
    with pytest.warns(UserWarning, match=r"broken\.yaml is left out: "):
        assert list(read_presets(tmp_path)) == ["good"]
