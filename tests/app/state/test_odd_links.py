"""Whatever a link says, it is a place or is refused in a sentence, soon."""

import time

import pytest

from landscape_core.foundation.errors import SpecError
from landscape_lab.state.file_names import check_names_no_files
from landscape_lab.state.link import place, toured
from landscape_lab.state.preset import presets
from landscape_lab.state.scene_cost import check_place
from odd_inputs import LINKS

MOST_SECONDS = 2.0


@pytest.fixture(scope="module", autouse=True)
def _known():
    presets()
    with pytest.raises(SpecError):
        check_place(place(LINKS[-2].replace("%1b", "") + "&preset=none"))


@pytest.mark.parametrize("link", LINKS, ids=lambda link: repr(link)[:50])
def test_it_is_a_place_or_refused_in_a_sentence(link):
    began = time.process_time()
    try:
        rest, _ = toured(link)
        there = place(rest)
        check_names_no_files(there)
        check_place(there)
    except SpecError as error:
        told = str(error)
        assert len(told) < 2000
        assert "\x1b" not in told
        assert "must be" in told
    assert time.process_time() - began < MOST_SECONDS


@pytest.mark.parametrize("file", ["/etc/passwd", "/no/such/file", "."])
@pytest.mark.parametrize(
    "named",
    [
        "slice.directions=given&slice.directions.file=",
        "slice.directions=between&slice.directions.second=",
        "run.problem.dataset=mnist&run.problem.dataset.folder=",
        "run.problem.dataset=cifar10&run.problem.dataset.folder=",
        "at.3.slice.directions=between&at.3.slice.directions.first=",
        "kept=slice.directions%3Dbetween%26slice.directions.first%3D",
    ],
)
def test_a_link_names_no_file_of_a_server_and_hears_the_same_of_all(named, file):
    with pytest.raises(SpecError, match="no visitor of a served page names files") as refused:
        check_names_no_files(place(named + file))
    assert str(refused.value).replace(repr(file), "") == (
        f"{refused.value.field} must be as the preset has it, as no visitor of a served page names "
        "files of the server; got ."
    )


def test_the_folders_that_a_data_set_has_by_default_are_no_ones_choice():
    check_names_no_files(place("run.problem.dataset=mnist"))
