"""What every lab promises; a lab joins by existing."""

import time

import numpy as np
import pytest

from landscape_core import labs
from landscape_core.analysis.verdict import EFFECT, NOT_REPRODUCED, PASS, UNDECIDED, verdict
from landscape_core.experiments import picture_attributes
from landscape_core.foundation.recipes import fields_of, label_of, to_plain
from landscape_core.foundation.registry import entries, find, from_plain
from landscape_core.labs.base import FAMILIES, Lab

NAMES = sorted(entries(Lab).shipped())

WORDS = 60
"""Words of a question or a claim, at most."""

FIRST = 5.0
"""Seconds of processor time to the first dataset, at most; a second on a quiet machine."""


@pytest.fixture(params=NAMES)
def kind(request):
    return find(Lab, request.param)


def test_a_lab_says_what_it_is_about(kind):
    assert label_of(kind) != kind.__name__
    assert kind.family in FAMILIES
    assert kind.question.endswith("?")
    for text in (kind.question, kind.claim, kind.shows, kind.source, kind.searched):
        assert text.strip() == text
        assert len(text) > 20
    for text in (kind.question, kind.claim):
        assert len(text.split()) <= WORDS
    assert kind.expected in (PASS, NOT_REPRODUCED, UNDECIDED)
    assert set(kind.needs) <= set(NAMES)


def test_a_person_changes_two_to_five_settings(kind):
    assert 2 <= len(fields_of(kind)) <= 5


def test_the_default_seeds_suffice_for_a_verdict_and_take_at_most_twenty_seconds(kind):
    assert kind.seeds >= 6
    assert 0 < kind.seconds <= 20


def test_a_link_or_a_file_gives_the_lab_again(kind):
    lab = kind()
    assert from_plain(Lab, to_plain(lab)) == lab


def test_the_first_dataset_comes_at_once_and_can_be_drawn(kind):
    work = kind().work(0)
    start = time.process_time()
    first = next(work)
    work.close()
    assert time.process_time() - start < FIRST
    whole = labs.merged(kind(), {0: first}, [0, 1])
    assert np.isnan(whole[EFFECT].values[1])
    assert kind.pictures
    picture_attributes.check(whole, kind.pictures)
    assert verdict(whole).word == UNDECIDED


@pytest.mark.exhaustive
def test_a_seed_gives_the_same_to_the_bit(kind):
    once, again = (labs.repeatable(labs.run(kind(), [3])) for _ in range(2))
    assert once.identical(again)
    assert np.isfinite(once[EFFECT].values).all()
